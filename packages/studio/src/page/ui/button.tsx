import "./button.css";
import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly icon?: LucideIcon;
  /** The one action that a panel is about. */
  readonly primary?: boolean;
  readonly children?: ReactNode;
}

export function Button({ icon: Icon, primary, children, className = "", ...rest }: ButtonProps) {
  return (
    <button type="button" className={`button ${primary ? "primary" : ""} ${className}`} {...rest}>
      {Icon && <Icon aria-hidden size={17} strokeWidth={1.75} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> {
  readonly icon: LucideIcon;
  /** What it does, in words: read aloud, and shown as a tip. */
  readonly label: string;
  /** The key that does the same. */
  readonly hint?: string;
  readonly pressed?: boolean;
}

export function IconButton({ icon: Icon, label, hint, pressed, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      className={`button icon ${className}`}
      aria-label={label}
      title={hint ? `${label} (${hint})` : label}
      aria-pressed={pressed}
      {...rest}
    >
      <Icon aria-hidden size={18} strokeWidth={1.75} />
    </button>
  );
}
