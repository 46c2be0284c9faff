// The three kinds of files that the authors' programs leave, told apart by what they hold.
import { basename } from "node:path";
import { CheckpointError, ConfigError } from "../base/errors.ts";
import { PickledTensor } from "../pickle/torch.ts";
import { type AuthorsCheckpoint, readAuthorsCheckpoint } from "./authors-checkpoint.ts";
import { openTorchFile, type TorchFile } from "./torch-file.ts";

/** A `_delta` file: what the authors add to a latent to change an attribute. */
export interface AuthorsDelta {
  readonly name: string;
  readonly file: TorchFile;
  readonly tensor: PickledTensor;
}

/** A `_SNU` file of the balanced program: u of every spectral norm, in the order in which the layers were made. */
export interface AuthorsSpectral {
  readonly file: TorchFile;
  readonly u: readonly PickledTensor[];
}

export interface AuthorsFiles {
  readonly checkpoint: { readonly file: TorchFile; readonly content: AuthorsCheckpoint } | undefined;
  readonly spectral: AuthorsSpectral | undefined;
  readonly deltas: readonly AuthorsDelta[];
  close(): void;
}

/**
 * Opens files and finds out what each is.
 * @throws CheckpointError naming the file that is none of them; ConfigError where one kind is there too often
 */
export async function openAuthorsFiles(paths: readonly string[]): Promise<AuthorsFiles> {
  const files: TorchFile[] = [];
  const close = () => {
    for (const file of files) file.close();
  };
  try {
    let checkpoint: AuthorsFiles["checkpoint"];
    let spectral: AuthorsFiles["spectral"];
    const deltas: AuthorsDelta[] = [];
    for (const path of paths) {
      const file = await openTorchFile(path);
      files.push(file);
      const { root } = file;
      if (root instanceof Map) {
        if (checkpoint) throw twice("checkpoints", checkpoint.file.path, path);
        checkpoint = { file, content: readAuthorsCheckpoint(path, root) };
      } else if (root instanceof PickledTensor) {
        const name = directionName(path);
        const same = deltas.find((delta) => delta.name === name);
        if (same) throw twice(`directions called ${name}`, same.file.path, path);
        deltas.push({ name, file, tensor: root });
      } else if (Array.isArray(root) && root.length > 0 && root.every((item) => item instanceof PickledTensor)) {
        if (spectral) throw twice("files of u", spectral.file.path, path);
        spectral = { file, u: root };
      } else {
        throw new CheckpointError(
          `${path} holds neither a checkpoint (a dict with G_state_dict), u of spectral norms (a list of tensors) nor a direction (a tensor)`,
        );
      }
    }
    return { checkpoint, spectral, deltas, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** attrib/smile_delta -> smile */
function directionName(path: string): string {
  const name = basename(path)
    .replace(/\.[a-z]+$/i, "")
    .replace(/[_-]?delta$/i, "")
    .replace(/[^\p{L}\p{N}_-]+/gu, "-");
  if (name === "") throw new ConfigError(`${path} names no attribute: rename it, for instance to smile_delta`);
  return name;
}

const twice = (what: string, first: string, second: string) =>
  new ConfigError(`${first} and ${second} are two ${what}: import one at a time`);
