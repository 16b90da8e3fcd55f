/**
 * A process that serves the echo conversation over NATS, to be frozen or killed.
 *
 *   node echo-process.js URL CLUSTER NODE
 *
 * Owns:          one bus; it says `ready` to its parent once it serves.
 * Knows:         the NATS bus.
 * Must not know: what is done to it.
 */
import { NatsBus } from '../../bus/nats-bus.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import { echoAddress, type EchoReply, type EchoRequest } from './echo-conversation.ts';
import { QuietLog } from './quiet-log.ts';

const [url = '', cluster = '', node = ''] = process.argv.slice(2);

const bus = new NatsBus({
  environment: realEnvironment,
  log: new QuietLog(),
  access: { urls: [url], login: { kind: 'password', user: '', password: '' } },
  name: `echo ${node}`,
  version: '0.0.1',
  metadata: () => ({ node }),
  onServerFailure: (_, failure) => {
    throw failure;
  },
});

function serve(request: EchoRequest): EchoReply {
  return request.kind === 'carry'
    ? { kind: 'carried', bytes: Buffer.alloc(request.want) }
    : { kind: 'said', text: node };
}

bus.serve(echoAddress(node, { cluster }), serve);
bus.serve(echoAddress(node, { cluster, traffic: 'bulk' }), serve);
const poll = setInterval(() => {
  if (!bus.isConnected) return;
  clearInterval(poll);
  process.send?.('ready');
}, 10);
process.once('disconnect', () => {
  process.exit(0);
});
