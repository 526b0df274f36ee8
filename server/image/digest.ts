// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'd907f978bad5ab14d5d78dfa13d9483d0b2519f5e5f2360327a2c3884858116a';
