// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'c20517bcf07c3b03af7dc34eaf82d4d738fe3b5ae18c0da45277c8a8871240a1';
