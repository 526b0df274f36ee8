// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '7f20dd9c22a033a067ebe139ee4cb442175a17d9e1b5d18fbc849634fb6a0c5c';
