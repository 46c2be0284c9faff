import { useEffect } from "react";
import { create } from "zustand";
import { editRedo, editUndo } from "../state/edit.ts";

/** How the pictures are shown; not part of what is undone. */
interface View {
  readonly mode: "pair" | "divider";
  readonly enlarge: "smooth" | "crisp";
  /** While Space is held. */
  readonly before: boolean;
}

export const useView = create<View>(() => ({ mode: "pair", enlarge: "smooth", before: false }));

/** Space shows the picture before the edit while it is held; Ctrl+Z and Ctrl+Shift+Z undo and redo. */
export function useEditKeys(): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("input:not([type='range']), textarea, select")) return;
      if (event.code === "Space" && !target.closest("button, a, summary, [role='button']")) {
        event.preventDefault();
        useView.setState({ before: true });
      } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
        event.preventDefault();
        if (event.shiftKey) editRedo();
        else editUndo();
      } else if (event.ctrlKey && event.key.toLowerCase() === "y") {
        event.preventDefault();
        editRedo();
      }
    };
    const up = (event: KeyboardEvent) => {
      if (event.code === "Space") useView.setState({ before: false });
    };
    const away = () => useView.setState({ before: false });
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", away);
    return () => {
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
      removeEventListener("blur", away);
      away();
    };
  }, []);
}
