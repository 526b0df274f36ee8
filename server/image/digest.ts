// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '35d4d359065ffe854c10e9cd687e0cd34b0e5b7990357c6881c062057c10b5dc';
