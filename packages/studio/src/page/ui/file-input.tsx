import type { RefObject } from "react";

interface FileInputProps {
  /** A click on it lets the person choose; it is not seen itself. */
  readonly ref: RefObject<HTMLInputElement | null>;
  readonly label: string;
  readonly accept?: string;
  readonly multiple?: boolean;
  /** All files of a folder, in place of files. */
  readonly folder?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}

/** What asks the person for files, for a button or a menu. */
export function FileInput({ label, folder = false, onFiles, ...rest }: FileInputProps) {
  return (
    <input
      {...rest}
      type="file"
      webkitdirectory={folder ? "" : undefined}
      hidden
      aria-label={label}
      onChange={(event) => {
        onFiles([...(event.currentTarget.files ?? [])]);
        // The same file may be chosen again.
        event.currentTarget.value = "";
      }}
    />
  );
}
