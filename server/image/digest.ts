// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'c287684f7bdcb383d12a741bee926e228d4eee1e1ada311ddee014d9c961a7b1';
