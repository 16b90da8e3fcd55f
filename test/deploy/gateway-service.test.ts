import test from 'ava';
import { GatewayService } from '../../deploy/gateway-service.ts';

test('requests are counted by operation, visits by method; failures are those of ours', t => {
  const gateway = new GatewayService();
  gateway.answered('s3', { endpoint: 'GetObject', status: 200, milliseconds: 2 });
  gateway.answered('s3', { endpoint: 'GetObject', status: 404, milliseconds: 1 });
  gateway.answered('s3', { endpoint: 'GetObject', status: 503, milliseconds: 4 });
  gateway.answered('web', { endpoint: 'GET www.example.org', status: 200, milliseconds: 1 });
  gateway.answered('web', { endpoint: 'GET other.example.org', status: 200, milliseconds: 1 });
  const registered = Object.assign({}, gateway);
  t.is(registered.name, 'gateway');
  t.deepEqual(registered.endpoints(), [
    {
      subject: 's3',
      counters: [{ name: 'GetObject', requests: 3, errors: 1, processingMs: 7, lastError: '503' }],
    },
    {
      subject: 'web',
      counters: [{ name: 'GET', requests: 2, errors: 0, processingMs: 2, lastError: '' }],
    },
  ]);
});
