import "./drop-anywhere.css";
import { type DragEvent, type ReactNode, useEffect, useState } from "react";
import { droppedFiles } from "../project/dropped-files.ts";
import { openDropped } from "../project/open-dropped.ts";
import { report } from "../state/notices.ts";

/** Files may be dropped anywhere, and pasted. */
export function DropAnywhere({ children }: { readonly children: ReactNode }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      void openDropped(files);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, []);
  const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop files; the button that chooses them is elsewhere
    <div
      className="drop-anywhere"
      data-over={over}
      onDragOver={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        setOver(false);
        if (!carriesFiles(event)) return;
        event.preventDefault();
        void droppedFiles(event.dataTransfer.items).then(openDropped, report);
      }}
    >
      {children}
    </div>
  );
}
