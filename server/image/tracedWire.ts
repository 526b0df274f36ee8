/** A wire whose messages are logged, as the setting trace.server asks. */
import type { Wire } from './connection.ts';

/** `messages`: operation or outcome and size; `verbose`: the text, too. Asked for each message, so that it can be switched at any time. */
export type TraceLevel = 'off' | 'messages' | 'verbose';

/** Characters of a message that are logged at most. */
const shownLength = 4000;

export function tracedWire(wire: Wire, level: () => TraceLevel, log: (line: string) => void): Wire {
  const trace = (arrow: string, text: string) => {
    const wanted = level();
    if (wanted === 'off') return;
    const what = /^\{"id":(\d+),"(op|event|ok|error)":("[^"]*")?/.exec(text);
    const brief = what ? `#${what[1]} ${what[2]}${what[3] ? ` ${what[3]}` : ''}` : 'message';
    log(
      `${arrow} ${brief} (${text.length} characters)${wanted === 'verbose' ? ` ${text.slice(0, shownLength)}` : ''}`,
    );
  };
  return {
    session: wire.session,
    concurrent: wire.concurrent,
    listen: listener =>
      wire.listen({
        ...listener,
        onMessage: text => {
          trace('<-', text);
          listener.onMessage(text);
        },
        onFault: (id, error) => listener.onFault(id, error),
        onClosed: reason => listener.onClosed(reason),
      }),
    send: (id, text) => {
      trace('->', text);
      wire.send(id, text);
    },
    close: () => wire.close(),
  };
}
