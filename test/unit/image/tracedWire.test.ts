import { describe, expect, it } from 'vitest';
import type { Wire, WireListener } from '../../../server/image/connection.ts';
import { tracedWire, type TraceLevel } from '../../../server/image/tracedWire.ts';

function setUp() {
  const sent: string[] = [];
  const log: string[] = [];
  const heard: string[] = [];
  let listener: WireListener | undefined;
  const trace: { level: TraceLevel } = { level: 'off' };
  const wire: Wire = {
    listen: given => (listener = given),
    send: (_id, text) => sent.push(text),
    close: async () => undefined,
  };
  const traced = tracedWire(
    wire,
    () => trace.level,
    line => log.push(line),
  );
  traced.listen({
    onMessage: text => heard.push(text),
    onFault: () => undefined,
    onClosed: reason => heard.push(reason),
  });
  return {
    sent,
    log,
    heard,
    trace,
    traced,
    receive: (text: string) => listener!.onMessage(text),
    end: () => listener!.onClosed('gone'),
  };
}

describe('the trace of an image', () => {
  it('says nothing while it is off, and carries everything', () => {
    const { sent, log, heard, traced, receive, end } = setUp();
    traced.send(1, '{"id":1,"op":"hello"}');
    receive('{"id":1,"ok":{}}');
    end();
    expect({ sent, log, heard }).toEqual({
      sent: ['{"id":1,"op":"hello"}'],
      log: [],
      heard: ['{"id":1,"ok":{}}', 'gone'],
    });
  });

  it('names messages, and shows them when it is verbose', () => {
    const { log, trace, traced, receive } = setUp();
    trace.level = 'messages';
    traced.send(7, '{"id":7,"op":"apply","args":{}}');
    receive('{"id":7,"ok":{}}');
    trace.level = 'verbose';
    receive('{"id":8,"error":{"kind":"cancelled"}}');
    expect(log).toEqual([
      '-> #7 op "apply" (31 characters)',
      '<- #7 ok (16 characters)',
      '<- #8 error (37 characters) {"id":8,"error":{"kind":"cancelled"}}',
    ]);
  });
});
