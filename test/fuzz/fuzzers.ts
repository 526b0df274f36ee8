/** Every fuzzer. */
import { agent } from './agent.ts';
import { commandArguments } from './arguments.ts';
import { edits } from './edits.ts';
import { framing } from './framing.ts';
import type { Fuzzer } from './fuzzer.ts';
import { replies } from './replies.ts';
import { rpc } from './rpc.ts';
import { swank } from './swank.ts';

export const fuzzers: readonly Fuzzer[] = [rpc, framing, commandArguments, edits, replies, agent, swank];
