// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '2878771cea74ddc1f2ec997fa8036d728246503452339ef3ea9bfb5c492c6eea';
