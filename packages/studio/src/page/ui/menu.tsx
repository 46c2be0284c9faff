import "./menu.css";
import { type ReactNode, useEffect, useRef } from "react";

interface MenuProps {
  /** What is seen while it is closed. */
  readonly face: ReactNode;
  readonly label: string;
  readonly children: ReactNode;
}

/** Choices behind a button. Escape and a click elsewhere close it, and so does a choice. */
export function Menu({ face, label, children }: MenuProps) {
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const menu = details.current;
      if (!menu?.open) return;
      if (event instanceof KeyboardEvent ? event.key !== "Escape" : menu.contains(event.target as Node)) return;
      menu.open = false;
      if (event instanceof KeyboardEvent) menu.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, []);
  return (
    <details className="menu" ref={details}>
      <summary className="button" aria-label={label} title={label}>
        {face}
      </summary>
      <div className="menu-body">{children}</div>
    </details>
  );
}

interface MenuItemProps {
  readonly current?: boolean;
  readonly disabled?: boolean;
  readonly onChoose: () => void;
  readonly children: ReactNode;
}

export function MenuItem({ current, disabled, onChoose, children }: MenuItemProps) {
  return (
    <button
      type="button"
      className="menu-item"
      disabled={disabled}
      aria-current={current ? "true" : undefined}
      onClick={(event) => {
        const menu = event.currentTarget.closest("details");
        if (menu) menu.open = false;
        onChoose();
      }}
    >
      {children}
    </button>
  );
}
