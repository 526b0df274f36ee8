/** Output of the image, streamed to the editor's log in whole lines. */
import type { Event } from '../image/protocol.ts';
import type { Editor } from '../ports.ts';

export interface OutputLog {
  readonly onEvent: (event: Event) => void;
  /** Logs what stands after the last newline. */
  end(): void;
}

export function outputLog(editor: Editor): OutputLog {
  const rest = { stdout: '', stderr: '' };
  const log = (stream: keyof typeof rest, text: string) =>
    editor.log(stream === 'stderr' ? 'warning' : 'info', text);
  return {
    onEvent(event) {
      if (event.event !== 'output') return;
      const { stream, text } = event.data;
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
