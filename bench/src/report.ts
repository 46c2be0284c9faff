// bench/RESULTS.md, from the JSON files beside it.
import { mostOthers } from "pioneer-networks/torch";
import { type PerImage, rowsOf } from "./exported-rows.ts";
import { figure, none, percent, table, wrapped } from "./markdown.ts";
import { goalTable, goalUnit, gpuSection, memoryTable, quickTable, shownSteps, stepTable } from "./report-steps.ts";
import type { Part, Results, ResultsFile } from "./results.ts";
import { hiddenShare } from "./scaling.ts";
import type { Latency, StudioTiming } from "./studio.ts";

/** @param files newest first @returns Markdown; the same files give the same text */
export function reportOf(files: readonly ResultsFile[]): string {
  const machines = new Map<string, ResultsFile[]>();
  for (const file of files) {
    const { cpu, cores } = file.results.machine;
    const key = `${cpu}, ${cores} cores`;
    machines.set(key, [...(machines.get(key) ?? []), file]);
  }
  const sections = [...machines].flatMap(([title, ofMachine]) => {
    const [newest, ...older] = ofMachine.filter(({ results }) => !results.quick);
    const [quick, ...olderQuick] = ofMachine.filter(({ results }) => results.quick);
    return [
      newest ? machineSection(title, newest, older) : `## ${title}\n\nQuick runs only.`,
      ...(quick ? ["### Quick run", from(quick), quickSection(quick.results)] : []),
      olderList([...older, ...olderQuick]),
    ];
  });
  return `${[
    "# Results",
    "Made by `make bench` from the files in [results](results); [README.md](README.md) says what is measured, and how. Do not edit.",
    ...(sections.length > 0 ? sections : ["Nothing was measured yet."]),
    "## GPU",
    gpuSection(files.filter(({ results }) => !results.quick)),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .split("\n\n")
    .map((block) => (/^[#|]/.test(block) ? block : wrapped(block)))
    .join("\n\n")}\n`;
}

const from = ({ name, results: { date, commit } }: ResultsFile) =>
  `${date.slice(0, 10)}, commit ${commit}, [${name}](results/${name}).`;

/** Each part is of the newest file that has it, steps of the newest that has all. */
function machineSection(title: string, newest: ResultsFile, older: readonly ResultsFile[]): string {
  const { machine, versions } = newest.results;
  const files = [newest, ...older];
  const { complete, steps, since } = shownSteps(files);
  // A newer file may have gone without one of the Pythons.
  const torch = (which: "systemTorch" | "newestTorch") => {
    const found = (complete ? [complete] : files).find((each) => each.results.versions[which] !== null);
    return found ? `PyTorch ${found.results.versions[which]}` : none;
  };
  const facts = [
    machine.bf16.length > 0 ? `bf16 units: ${machine.bf16.join(", ")}` : "no bf16 unit",
    `${machine.memoryGiB} GiB`,
    machine.system,
    `Node ${versions.node.replace("v", "")}`,
    `libtorch ${versions.libtorch}`,
    `baselines (a), (b): ${torch("systemTorch")}`,
    `(c): ${torch("newestTorch")}`,
  ];
  const other = machine.bf16.includes(goalUnit)
    ? ""
    : `The figures wanted below are for two cores with ${goalUnit}. This machine has no ${goalUnit}: they do not bind here, and are shown for orientation only.`;
  /** With nothing measured on this machine there is no section. */
  const section = (which: Part, title: string, of: (results: Results) => string, words = ""): string[] => {
    const file = files.find(({ results }) => (results[which] ?? []).length > 0);
    return file ? [`### ${title}`, words, file === newest ? "" : from(file), of(file.results)] : [];
  };
  const wasStepped = files.some(({ results }) => results.steps.length > 0);
  const mixed =
    new Set(steps.map(({ commit }) => commit)).size > 1
      ? "No file of this machine has the steps of all workloads beside (a) and (b): of each workload the newest is shown, at the commit that its row names."
      : "";
  const stepSections = [
    "### Wanted and reached, n = 512",
    complete && complete !== newest ? from(complete) : mixed,
    goalTable(steps, machine.cores),
    "### Training step, images/s",
    "(a) the authors' step, eager float32; (b) the same mathematics with PyTorch's best settings; (c) the same on the newest PyTorch, eager and under torch.compile. Medians; in brackets the fastest and the slowest step.",
    stepTable(steps, machine.cores),
    ...(since.length > 0 ? ["### Training step, measured again since", stepTable(since, machine.cores)] : []),
    "### Peak memory of a step's process, MiB",
    memoryTable(steps, machine.cores),
  ];
  return [
    `## ${title}`,
    `${from(newest)} ${facts.join("; ")}.`,
    steps.length > 0 ? other : "",
    ...(wasStepped ? stepSections : []),
    ...section(
      "scaling",
      "Several processes",
      scalingTable,
      "A step of as many processes of one thread as there are cores, beside one process of as many threads; medians. Sums: those of gradients, alone. Waited: in the step, for sums. Hidden: the share of the sums that lies behind a process's own work. Nothing summed: each process with its share at the same time, without sums.",
    ),
    ...section("inference", "Encode and decode, float32", inferenceTable),
    ...section(
      "exported",
      "Exported models, float32",
      exportedTable,
      "Encode and decode by ONNX Runtime, milliseconds for each image, beside the authors' modules in eager float32 PyTorch with weights prepared once; medians. Cold start: from nothing loaded to the first decoded image.",
    ),
    ...section("prepare", "Packs", prepareTable),
    ...section("commands", "Commands", commandTable),
    ...section("studio", "The studio's page", ({ studio = [] }) => `${loadOf(studio)}\n\n${studioTable(studio)}`),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** What a quick run measured, never in place of what is complete. */
export function quickSection(results: Results): string {
  const { steps, inference, machine } = results;
  return [
    "Quick: some workloads, few steps of each, neither (c) nor the limit. Medians; in brackets the fastest and the slowest step.",
    steps.length > 0 ? quickTable(steps, machine.cores) : "",
    inference.length > 0 ? inferenceTable(results) : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function olderList(files: readonly ResultsFile[]): string {
  const names = files.map(({ name, results }) => `[${name}](results/${name})${results.quick ? " (quick)" : ""}`);
  return names.length === 0 ? "" : `Earlier: ${names.join(", ")}.`;
}

function scalingTable({ scaling = [] }: Results): string {
  const rows = [...scaling]
    .sort((a, b) => b.n - a.n || a.phase - b.phase)
    .map((timing) => {
      const { n, phase, batch, precision, ranks, one, together, apart, waited, sums, bytes } = timing;
      const seconds = [one, together, apart, sums, waited].map((each) => each.toPrecision(3));
      const rest = [`${(one / together).toFixed(2)}x`, percent(hiddenShare(timing)) ?? none, `${figure(bytes / 1e6)}`];
      return [`${n}`, `${phase}`, `${batch}`, precision, `${ranks}`, ...seconds, ...rest];
    });
  const times = [
    "one process, s",
    "all, s",
    "nothing summed, s",
    "sums, s",
    "waited, s",
    "faster",
    "hidden",
    "MB summed",
  ];
  return table(["n", "phase", "batch", "precision", "processes", ...times], rows);
}

function inferenceTable({ inference }: Results): string {
  const rows = [...inference]
    .sort((a, b) => b.n - a.n || a.phase - b.phase)
    .flatMap(({ n, phase, batch, ...timings }) =>
      (["encode", "decode"] as const).map((direction) => {
        const { latencyMs, imagesPerSecond } = timings[direction];
        const spread = `${figure(latencyMs.median)} (${figure(latencyMs.min)} to ${figure(latencyMs.max)})`;
        return [`${n}`, `${phase}`, direction, spread, `${batch}`, figure(imagesPerSecond)];
      }),
    );
  const others = Math.max(...inference.map(({ others = 0 }) => others));
  const beside =
    others > mostOthers ? `Beside other work, which kept up to ${others.toFixed(1)} cores busy: too slow.\n\n` : "";
  return beside + table(["n", "phase", "", "one image, ms", "batch", "images/s"], rows);
}

function exportedTable({ exported = [] }: Results): string {
  const pair = ({ encode, decode }: PerImage) => `${figure(encode)}, ${figure(decode)}`;
  const rows = [...exported]
    .sort((a, b) => b.n - a.n || a.phase - b.phase)
    .flatMap((timing) =>
      rowsOf(timing).map(({ count, onnx, wasm, eager, faster, coldSeconds }) => [
        `${timing.n}`,
        `${timing.phase}`,
        `${count}`,
        pair(onnx),
        wasm ? pair(wasm) : none,
        eager ? pair(eager) : none,
        faster === undefined ? none : `${faster.toFixed(2)}x`,
        coldSeconds === undefined ? "" : `${coldSeconds.toFixed(2)} s`,
      ]),
    );
  return table(
    ["n", "phase", "images at once", "ONNX Runtime", "in WASM, one thread", "PyTorch", "faster", "cold start"],
    rows,
  );
}

function prepareTable({ prepare }: Results): string {
  const rows = prepare.map(({ source, resolution, images, imagesPerSecond }) => [
    `\`dataset prepare\` of ${source}, ${images} images to ${resolution}x${resolution}`,
    figure(imagesPerSecond),
  ]);
  return table(["pack", "images/s"], rows);
}

function commandTable({ commands }: Results): string {
  const rows = commands.map(({ command, seconds }) => [
    `\`${command}\``,
    `${figure(seconds.median)} (${figure(seconds.min)} to ${figure(seconds.max)})`,
  ]);
  return table(["command", "seconds to the first picture (`info`: to its answer)"], rows);
}

/** What else the machine did. */
function loadOf(studio: readonly StudioTiming[]): string {
  const [{ chromium, load }] = studio as [StudioTiming];
  const { others, processes = 0, cores } = load;
  const told =
    others === undefined
      ? `The load average was ${processes.toFixed(1)} at the end, on ${cores} cores, the browser and the server among it: what other work there was is not known`
      : `Other processes kept ${others.toFixed(1)} of ${cores} cores busy meanwhile${others > mostOthers ? ", so that these are upper bounds" : ""}`;
  return `Chromium ${chromium}, without a graphics processor. ${told}.`;
}

export function studioTable(studio: readonly StudioTiming[]): string {
  const rows = studio.flatMap(({ model, slider, request, firstVisit }) => {
    const size = `${model.resolution}x${model.resolution}, n ${model.latent}`;
    const pair = ({ median, p95 }: Latency) => `${figure(median)}, ${figure(p95)} ms`;
    const { seconds, bytes, bytesInAll } = firstVisit;
    const MiB = (count: number) => `${(count / 2 ** 20).toFixed(1)} MiB`;
    return [
      [`slider to pixels in the page, ${size}`, "p95 under 100 ms", pair(slider.page)],
      [`slider to pixels by way of the server, ${size}`, "", pair(slider.server)],
      ["one picture asked of the server", "p95 under 33 ms", pair(request)],
      [
        "first visit to the first reconstruction",
        "at most 3 s",
        `${figure(seconds.median)} s (${figure(seconds.min)} to ${figure(seconds.max)})`,
      ],
      ["sent by then; until the page computes too", "", `${MiB(bytes)}; ${MiB(bytesInAll)}`],
    ];
  });
  return table(["what", "wanted", "reached: median, p95"], rows);
}
