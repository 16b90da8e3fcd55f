/**
 * The pages, pictures and sounds that a browser is shown.
 *
 * Owns:          their bytes.
 * Knows:         HTML, BMP and WAV, both without compression so that a few lines make them.
 * Must not know: buckets, browsers.
 */

export type SiteFile = {
  readonly key: string;
  readonly type: string;
  readonly body: string | Buffer;
};

export const PICTURE = { width: 640, height: 480, red: 200, green: 100, blue: 50 } as const;
export const TONE_SECONDS = 300;

function page(title: string, body: string): string {
  const head = `<meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,">`;
  const style = '<link rel="stylesheet" href="/style.css">';
  return `<!doctype html><html lang="en"><head>${head}${style}</head><body>${body}</body></html>`;
}

/** More than a block of bytes of one colour. */
function picture(): Buffer {
  const { width, height, red, green, blue } = PICTURE;
  const headBytes = 54;
  const size = headBytes + width * height * 3;
  const bytes = Buffer.alloc(size);
  bytes.write('BM', 0, 'latin1');
  bytes.writeUInt32LE(size, 2);
  bytes.writeUInt32LE(headBytes, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes.fill(Uint8Array.of(blue, green, red), headBytes);
}

/** Eight bits at 8 kHz: 2.4 MB for five minutes. */
function tone(): Buffer {
  const rate = 8000;
  const dataBytes = TONE_SECONDS * rate;
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + dataBytes, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  for (const [index, value] of [1, 1].entries()) head.writeUInt16LE(value, 20 + 2 * index);
  for (const [index, value] of [rate, rate].entries()) head.writeUInt32LE(value, 24 + 4 * index);
  for (const [index, value] of [1, 8].entries()) head.writeUInt16LE(value, 32 + 2 * index);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(dataBytes, 40);
  const samples = Buffer.alloc(dataBytes);
  for (let index = 0; index < dataBytes; index += 1) samples[index] = index % 18 < 9 ? 160 : 96;
  return Buffer.concat([head, samples]);
}

const INDEX_BODY = `
<h1>Index</h1>
<img id="picture" src="/pictures/a%20picture%20%C3%BC+.bmp" alt="">
<p id="script">not run</p>
<a id="docs" href="/docs">Docs</a>
<script type="module" src="/app.js"></script>`;

export const SITE_FILES: readonly SiteFile[] = [
  { key: 'index.html', type: 'text/html', body: page('Index', INDEX_BODY) },
  { key: 'style.css', type: 'text/css', body: 'h1 { color: rgb(1, 2, 3); }' },
  {
    key: 'app.js',
    type: 'text/javascript',
    body: "import { text } from './parts/text.js'; script.textContent = text;",
  },
  { key: 'parts/text.js', type: 'text/javascript', body: "export const text = 'run';" },
  { key: 'pictures/a picture ü+.bmp', type: 'image/bmp', body: picture() },
  { key: 'tone.wav', type: 'audio/wav', body: tone() },
  {
    key: 'docs/index.html',
    type: 'text/html',
    body: page('Docs', '<h1>Docs</h1><a id="guide" href="guide.html">Guide</a>'),
  },
  { key: 'docs/guide.html', type: 'text/html', body: page('Guide', '<h1>Guide</h1>') },
  { key: 'lost.html', type: 'text/html', body: page('Lost', '<h1>Lost</h1>') },
];

export const DATA = { message: 'grüße' } as const;

/** Of the other bucket, which pages of the first one read. */
export const DATA_FILES: readonly SiteFile[] = [
  { key: 'index.html', type: 'text/html', body: page('Data', '<h1>Data</h1>') },
  { key: 'data.json', type: 'application/json', body: JSON.stringify(DATA) },
  { key: 'picture.bmp', type: 'image/bmp', body: picture() },
];
