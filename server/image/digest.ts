// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '654f8c3e65c7bec53713a67291bab12a8722bb78110cfcf759b2e2a9eaa263e2';
