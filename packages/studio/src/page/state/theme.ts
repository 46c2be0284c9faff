import { create } from "zustand";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const stored = "pioneer-studio theme";
const first = themes.find((theme) => theme === localStorage.getItem(stored)) ?? "auto";

export const useTheme = create<{ readonly theme: Theme }>(() => ({ theme: first }));

/** `auto` follows the system; tokens.css knows the others. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = useTheme.getState().theme;
}

export function nextTheme(): void {
  const theme = themes[(themes.indexOf(useTheme.getState().theme) + 1) % themes.length] as Theme;
  useTheme.setState({ theme });
  localStorage.setItem(stored, theme);
  applyTheme();
}
