import { ImagePlus } from "lucide-react";
import { useRef } from "react";
import { openDropped } from "../project/open-dropped.ts";
import { Button } from "../ui/button.tsx";
import { FileInput } from "../ui/file-input.tsx";

/** A button that lets the person choose a photo; on a phone the camera is among the choices. */
export function ChoosePhoto({
  primary,
  text = "Choose a photo",
}: {
  readonly primary?: boolean;
  readonly text?: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button icon={ImagePlus} primary={primary ?? false} onClick={() => input.current?.click()}>
        {text}
      </Button>
      <FileInput ref={input} label={text} accept="image/*" onFiles={(files) => void openDropped(files)} />
    </>
  );
}
