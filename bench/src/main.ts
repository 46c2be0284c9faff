// npm run -s bench -- step --phase 4 --batch 8 --json
import { command, computingOf, flags, UsageError, workloadOf } from "./options.ts";
import { recordStep, tableOf, totalsOf } from "./profile.ts";

const usage = `Usage: npm run -s bench -- COMMAND [options]

  profile   what one step spends its time in, operator by operator
`;

const commands: Record<string, () => void | Promise<void>> = {
  profile() {
    const totals = totalsOf(recordStep(workloadOf(), computingOf()));
    console.log(flags.json ? JSON.stringify(totals) : tableOf(totals));
  },
};

async function main(): Promise<number> {
  const run = commands[command];
  if (flags.help || !run) {
    console.log(usage);
    return flags.help ? 0 : 2;
  }
  try {
    await run();
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`bench: ${error.message}`);
    return 2;
  }
}
process.exitCode = await main();
