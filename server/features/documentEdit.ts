/** Edits of documents in the shape that the editor takes: with versions where it declared them, else without. */
import type { Range } from '../source/types.ts';

export interface TextEdit {
  readonly range: Range;
  readonly newText: string;
}

/** LSP's WorkspaceEdit. */
export type DocumentEdit<Edit = TextEdit> =
  | { readonly changes: { [uri: string]: Edit[] } }
  | {
      readonly documentChanges: {
        readonly textDocument: { readonly uri: string; readonly version: number | null };
        readonly edits: Edit[];
      }[];
    };

/** The edits of a document. `version`: null where it is not open. */
export interface EditedDocument<Edit = TextEdit> {
  readonly uri: string;
  readonly version: number | null;
  readonly edits: readonly Edit[];
}

/** Whether a client declared that it takes edits with versions. */
export const takesVersions = ({
  workspace,
}: {
  readonly workspace?: { readonly workspaceEdit?: { readonly documentChanges?: boolean } };
}): boolean => workspace?.workspaceEdit?.documentChanges === true;

/** @param documentChanges what `takesVersions` answers of the client */
export function documentEdit<Edit = TextEdit>(
  documents: readonly EditedDocument<Edit>[],
  documentChanges: boolean,
): DocumentEdit<Edit> {
  return documentChanges
    ? {
        documentChanges: documents.map(({ uri, version, edits }) => ({
          textDocument: { uri, version },
          edits: [...edits],
        })),
      }
    : { changes: Object.fromEntries(documents.map(({ uri, edits }) => [uri, [...edits]])) };
}
