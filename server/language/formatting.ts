/** Formatting of documents, ranges and new lines. Macros of the image and of the workspace are asked for, within a budget. */
import type { CancellationToken, FormattingOptions, TextEdit } from 'vscode-languageserver/node';
import { around, columnAt, formatSteps, lineStartOf, startAround } from '../features/format/format.ts';
import { operatorSteps } from '../features/format/operators.ts';
import { isUnknown, specsOf, userSpecs, type Specs } from '../features/format/rules.ts';
import { specOfLambdaList, type Spec } from '../features/format/spec.ts';
import type { SpecOf } from '../features/format/place.ts';
import { inSlices } from '../source/slices.ts';
import { initialPackage } from '../operations/forms.ts';
import type { Snapshot, Span } from '../source/types.ts';
import type { Bench, FeatureSet } from './bench.ts';

/** Milliseconds that image and index have; a new line is wanted at once. */
const documentBudget = 80;
const typingBudget = 30;
/** How many operators are asked for at once. */
const mostOperators = 500;

/** How a program's operators are indented, as they stand in a stretch of a buffer. */
export class Indentation {
  #given: object | undefined;
  #user: Specs = new Map();

  constructor(private readonly bench: Bench) {}

  /** @param within milliseconds that image and index have to tell of operators that are not known by their names */
  async specsFor(snapshot: Snapshot, span: Span, token: CancellationToken, within: number): Promise<SpecOf> {
    const user = this.#userSpecs();
    const all = await inSlices(operatorSteps(snapshot.text, span));
    const names = all.filter(name => isUnknown(name, user)).slice(0, mostOperators);
    return specsOf(
      user,
      names.length > 0 ? await this.#macros(snapshot, span, names, token, within) : new Map(),
    );
  }

  async #macros(
    snapshot: Snapshot,
    span: Span,
    names: readonly string[],
    token: CancellationToken,
    within: number,
  ): Promise<Specs> {
    const inEffect = snapshot.packageAt(span.end) ?? snapshot.packageAt(span.start) ?? null;
    const [image, index] = await Promise.all([
      this.bench.image(
        snapshot.uri,
        'macros',
        { package: inEffect ?? initialPackage, names: [...names] },
        { token, within },
      ),
      soon(this.bench.ask('macros', { package: inEffect, names }, token), within),
    ]);
    const specs = new Map<string, Spec>();
    const add = (name: string, lambdaList: string): void => {
      const spec = specOfLambdaList(lambdaList);
      if (spec) specs.set(name, spec);
    };
    for (const { name, shape } of image?.macros ?? []) add(name, shape);
    // what the workspace says now is newer than what the image was told
    for (const { name, lambdaList } of index ?? []) add(name, lambdaList);
    return specs;
  }

  #userSpecs(): Specs {
    const given = this.bench.parts.settings()['format.indent'];
    if (given !== this.#given) {
      const { specs, problems } = userSpecs(given);
      this.#given = given;
      this.#user = specs;
      for (const problem of problems) this.bench.parts.editor.log('warning', problem);
    }
    return this.#user;
  }
}

/** An answer that comes in time, else undefined; a failure is none. */
export async function soon<T>(answer: Promise<T>, within: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), within);
  });
  try {
    return await Promise.race([answer.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}

export const formatting: FeatureSet = {
  capabilities: {
    documentFormattingProvider: true,
    documentRangeFormattingProvider: true,
    documentOnTypeFormattingProvider: { firstTriggerCharacter: '\n' },
  },
  listen(bench) {
    const { connection, encoding } = bench.parts;
    const indentation = new Indentation(bench);
    const format = async (
      snapshot: Snapshot,
      span: Span,
      options: FormattingOptions,
      token: CancellationToken,
    ): Promise<TextEdit[]> => {
      const specOf = await indentation.specsFor(snapshot, around(snapshot, span), token, documentBudget);
      const edits = await inSlices(
        formatSteps(snapshot, span, {
          specOf,
          trimTrailingWhitespace: options.trimTrailingWhitespace !== false,
          insertFinalNewline: options.insertFinalNewline === true,
          trimFinalNewlines: options.trimFinalNewlines === true,
        }),
      );
      return edits.map(({ span: place, text }) => ({
        range: snapshot.rangeOf(place, encoding()),
        newText: text,
      }));
    };
    connection.onDocumentFormatting(
      bench.syntactic((snapshot, { options }, token) =>
        format(snapshot, { start: 0, end: snapshot.text.length }, options, token),
      ),
    );
    connection.onDocumentRangeFormatting(
      bench.syntactic((snapshot, { range, options }, token) =>
        format(
          snapshot,
          {
            start: snapshot.offsetAt(range.start, encoding()),
            end: snapshot.offsetAt(range.end, encoding()),
          },
          options,
          token,
        ),
      ),
    );
    connection.onDocumentOnTypeFormatting(
      bench.syntactic(async (snapshot, { position, ch }, token) => {
        if (ch !== '\n') return [];
        const offset = snapshot.offsetAt(position, encoding());
        const start = startAround(snapshot.forms, lineStartOf(snapshot.text, offset)) ?? offset;
        const specOf = await indentation.specsFor(snapshot, { start, end: offset }, token, typingBudget);
        const line = columnAt(snapshot, offset, specOf);
        const wanted = ' '.repeat(line?.column ?? 0);
        if (!line || snapshot.text.slice(line.start, line.end) === wanted) return [];
        return [{ range: snapshot.rangeOf(line, encoding()), newText: wanted }];
      }),
    );
  },
};
