// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '507cd16d870e980dc17d12948ea76b9e93211efccbf5fada63fbd8eac2ce570e';
