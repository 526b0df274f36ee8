// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'e66d789bf920f37eb684e84f24ce358afd38285776788c0af9ffd524767d5b7c';
