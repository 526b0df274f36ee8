/** Output of the image, streamed to the editor's log in whole lines. */
import type { Event } from '../image/protocol.ts';
import type { Editor } from '../ports.ts';

export interface OutputLog {
  readonly onEvent: (event: Event) => void;
  /** Logs what stands after the last newline. */
  end(): void;
}

/** Characters of one operation's output that are logged. */
const logged = 200_000;

export function outputLog(editor: Editor, most = logged): OutputLog {
  const rest = { stdout: '', stderr: '' };
  let room = most;
  const log = (stream: keyof typeof rest, text: string) =>
    editor.log(stream === 'stderr' ? 'warning' : 'info', text);
  return {
    onEvent(event) {
      if (event.event !== 'output') return;
      const { stream, text } = event.data;
      if (room <= 0) return;
      room -= text.length;
      if (room <= 0) {
        editor.log('warning', `More than ${most} characters of output: the rest is not logged.`);
        return;
      }
      const lines = (rest[stream] + text).split('\n');
      rest[stream] = lines.pop()!;
      const whole = lines.join('\n');
      if (whole !== '') log(stream, whole);
    },
    end() {
      for (const stream of ['stdout', 'stderr'] as const) if (rest[stream] !== '') log(stream, rest[stream]);
      rest.stdout = rest.stderr = '';
    },
  };
}
