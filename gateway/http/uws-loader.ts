/**
 * Finds uWebSockets.js and gives it types: the official build, else the one on npm.
 *
 * Owns:          the names of the packages; the part of their interface that is used.
 * Knows:         what each build takes (measured, see the constants).
 * Must not know: requests.
 *
 * The npm build is loaded by the name of its binary for this platform, not through its entry
 * file: where no binary fits, that file falls back to a JavaScript imitation that lacks pause,
 * tryEnd and onWritable, so it cannot serve one object.
 *
 * Measured on the npm build, 20.30, on Node 20 (test/gateway/http/ repeats it):
 *   - a Content-Length of ten digits or more: closed after the handler was asked;
 *   - header names with anything but letters, digits and `-` (user metadata with `_`), more than
 *     48 header lines, HTTP/1.0, the absolute form, no Host: never answered, closed after 12 s;
 *   - a head over 4096 bytes in several packets: closed without an answer; in one packet it passes;
 *   - bytes over 0x7f at the ends of a value: cut off, and nobody can see it;
 *   - methods it does not know, a second request while a reply is owed, a client that ends its
 *     side before the reply: closed without an answer;
 *   - chunk extensions become data; an empty chunk line ends a body;
 *   - a body or a blocked reply without progress for 10 s (12 s by its clock): closed.
 */
import { createRequire } from 'node:module';

const OFFICIAL = 'uWebSockets.js';
const UNOFFICIAL = '@trufflesuite/uws-js-unofficial';

/** Heads up to here pass however they are cut into packets. */
export const OFFICIAL_HEAD_BYTES = 8 * 1024;
export const UNOFFICIAL_HEAD_BYTES = 4096;
/** A Content-Length with more digits is closed by the npm build before its body is read. */
export const UNOFFICIAL_BODY_BYTES_MAX = 999_999_999;
/** With more header lines than this (Host included) the npm build never answers. */
export const UNOFFICIAL_HEADERS_MAX = 48;

export interface UwsRequest {
  getUrl(): string;
  getQuery(): string | undefined;
  getMethod(): string;
  getCaseSensitiveMethod(): string;
  forEach(visit: (name: string, value: string) => void): void;
}

export interface UwsResponse {
  writeStatus(status: string): UwsResponse;
  writeHeader(name: string, value: string): UwsResponse;
  end(body?: string | Uint8Array, closeConnection?: boolean): UwsResponse;
  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): UwsResponse;
  tryEnd(chunk: Uint8Array, totalBytes: number): [ok: boolean, done: boolean];
  close(): UwsResponse;
  pause(): void;
  resume(): void;
  getWriteOffset(): number;
  onWritable(handler: (offset: number) => boolean): UwsResponse;
  onAborted(handler: () => void): UwsResponse;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse;
  getRemoteAddress(): ArrayBuffer;
  cork(write: () => void): UwsResponse;
}

/** An opaque handle of a listening socket. */
export type UwsListenSocket = { readonly brand: 'us_listen_socket' };

export interface UwsApp {
  any(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp;
  listen(
    host: string,
    port: number,
    options: number,
    listening: (socket: UwsListenSocket | false) => void,
  ): UwsApp;
  listen_unix(listening: (socket: UwsListenSocket | false) => void, path: string): UwsApp;
  /** Closes the listening sockets and every connection. */
  close(): UwsApp;
}

export interface Uws {
  App(): UwsApp;
  us_listen_socket_close(socket: UwsListenSocket): void;
  us_socket_local_port(socket: UwsListenSocket): number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
}

export type LoadedUws = {
  readonly uws: Uws;
  readonly packageName: string;
  readonly isOfficial: boolean;
  readonly headBytes: number;
};

/** The library, or a sentence that says why there is none. */
export type UwsLoad = LoadedUws | { readonly missing: string };

/** Loads the official build if it is installed, else the one on npm if it has a binary here. */
export function loadUws(): UwsLoad {
  const require = createRequire(import.meta.url);
  // Read by the official build when its binary is loaded; without it heads end at 4 KiB there.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(OFFICIAL_HEAD_BYTES);
  const official = tryRequire(require, OFFICIAL);
  if (isUws(official)) {
    const headBytes = Number(process.env['UWS_HTTP_MAX_HEADERS_SIZE']);
    return { uws: official, packageName: OFFICIAL, isOfficial: true, headBytes };
  }
  const build = `${process.platform}_${process.arch}_${process.versions.modules}`;
  const unofficial = tryRequire(require, `${UNOFFICIAL}/binaries/uws_${build}.node`);
  if (isUws(unofficial)) {
    return {
      uws: unofficial,
      packageName: UNOFFICIAL,
      isOfficial: false,
      headBytes: UNOFFICIAL_HEAD_BYTES,
    };
  }
  return { missing: `no build of uWebSockets.js is installed for ${build}` };
}

function tryRequire(require: NodeJS.Require, name: string): unknown {
  try {
    return require(name);
  } catch {
    // Not installed, or no binary that this process can load: the caller tries the next one.
    return undefined;
  }
}

function isUws(candidate: unknown): candidate is Uws {
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    'App' in candidate &&
    'us_listen_socket_close' in candidate &&
    'us_socket_local_port' in candidate &&
    'LIBUS_LISTEN_EXCLUSIVE_PORT' in candidate
  );
}
