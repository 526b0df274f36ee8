// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'cff3530a59272c093f2ee352ad2876bfbf1d87cc3bc0a1daddf39c03d46e2ad8';
