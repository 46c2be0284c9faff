/** Of Node, for a process that trains: a step leaves little garbage, for which V8 would keep 25 MiB more. */
export const trainingFlags = ["--max-semi-space-size=4"];
