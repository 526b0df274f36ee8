/**
 * What is hazardous about reloading the edited forms of an open buffer, told before anybody reloads them. The image is asked once for
 * each text of a form, and again when its code has changed; it judges from data and runs nothing.
 */
import type { Documents } from '../documents.ts';
import type { Image } from '../image/image.ts';
import type { Assessment } from '../image/protocol.ts';
import { plannedForm } from '../operations/forms.ts';
import type { Snapshot, Span, TopLevelForm } from '../source/types.ts';
import type { Drifts } from './drifts.ts';

/** Milliseconds that an image has for one buffer's question; nobody waits for the answer. */
const patience = 15_000;
/** How many forms are asked about: who has changed more of a file is told when reloading it. */
const maxForms = 200;

export interface Hazard {
  /** As Hazard of the wire contract. */
  readonly kind: string;
  readonly message: string;
  /** The name that is defined. */
  readonly anchor: Span;
}

/** Which definition of a form is hazardous, and how. */
type Found = NonNullable<Assessment['hazard']> & { readonly definition: number };

interface Told {
  readonly image: string;
  readonly stamp: string | undefined;
  readonly byForm: ReadonlyMap<string, readonly Found[]>;
}

export interface HazardsDependencies {
  readonly documents: Documents;
  readonly imageOf: (uri: string) => Image | undefined;
  readonly drifts: Pick<Drifts, 'unlike' | 'stamp'>;
  /** Whether an image is being changed: it is looked at again afterwards. */
  readonly isChanging: () => boolean;
  /** What is said of a buffer has changed. */
  readonly changed: (uri: string) => void;
}

const keyOf = ({ digest, package: home }: TopLevelForm) => `${home ?? ''} ${digest}`;

export class Hazards {
  readonly #told = new Map<string, Told>();
  /** Looks under way, and those to be done again. */
  readonly #looking = new Set<string>();
  readonly #again = new Set<string>();

  constructor(private readonly deps: HazardsDependencies) {}

  /** What is known of the buffer at this version. */
  of(snapshot: Snapshot): readonly Hazard[] {
    const byForm = this.#told.get(snapshot.uri)?.byForm;
    if (!byForm || byForm.size === 0) return [];
    return this.deps.drifts.unlike(snapshot).flatMap(form =>
      (byForm.get(keyOf(form)) ?? []).map(({ kind, message, definition }) => ({
        kind,
        message,
        anchor: form.definitions[definition]?.nameSpan ?? form.span,
      })),
    );
  }

  /** Asks the image about the forms of the buffer that it does not run; never rejects. */
  async look(uri: string): Promise<void> {
    this.#again.add(uri);
    if (this.#looking.has(uri)) return;
    this.#looking.add(uri);
    try {
      while (this.#again.delete(uri)) await this.#lookOnce(uri);
    } catch {
      // The image went away meanwhile, or cannot tell; reloading asks again.
    } finally {
      this.#looking.delete(uri);
    }
  }

  async #lookOnce(uri: string): Promise<void> {
    const { documents, imageOf, drifts, changed } = this.deps;
    const snapshot = documents.get(uri);
    const image = imageOf(uri);
    if (!snapshot || !image) return void this.#told.delete(uri);
    if (this.deps.isChanging()) return;
    const before = JSON.stringify(this.of(snapshot));
    const stamp = drifts.stamp(uri);
    const told = this.#told.get(uri);
    const known =
      told?.image === image.hello.image && told.stamp === stamp ? told.byForm : new Map<never, never>();
    const unlike = drifts
      .unlike(snapshot)
      .filter(form => form.active && !form.broken && !form.packageUnknown)
      .slice(0, maxForms);
    const unknown = unlike.filter(form => !known.has(keyOf(form)));
    const answered = unknown.length > 0 ? await this.#ask(image, snapshot, unknown) : [];
    const found = new Map(unknown.map((form, index) => [keyOf(form), answered[index] ?? []]));
    const byForm = new Map(
      unlike.map(form => [keyOf(form), found.get(keyOf(form)) ?? known.get(keyOf(form)) ?? []]),
    );
    this.#told.set(uri, { image: image.hello.image, stamp, byForm });
    // An edit meanwhile brings its own.
    if (documents.get(uri) === snapshot && JSON.stringify(this.of(snapshot)) !== before) changed(uri);
  }

  /** The hazards of each form. */
  async #ask(
    image: Image,
    snapshot: Snapshot,
    forms: readonly TopLevelForm[],
  ): Promise<readonly (readonly Found[])[]> {
    const file = this.deps.documents.fileOf(snapshot.uri);
    const { assessments } = await image.call(
      'check',
      { forms: forms.map(form => plannedForm(snapshot, form, file).wire), threads: false },
      { signal: AbortSignal.timeout(patience) },
    );
    return forms.map((_form, index) =>
      assessments
        .filter(({ form }) => form === index)
        .flatMap(({ hazard }, definition) => (hazard ? [{ ...hazard, definition }] : [])),
    );
  }
}
