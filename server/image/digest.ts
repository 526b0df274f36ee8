// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '063f4d98a76d51690856f483f6ac3a1a7fc02f54e220ead3fd03539f39db1b5f';
