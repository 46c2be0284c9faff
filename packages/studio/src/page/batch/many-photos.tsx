import "../ui/dialog.css";
import "./many-photos.css";
import { FolderOpen, ImagePlus, Images, Square } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { signed } from "../edit/direction-words.ts";
import { type Edit, useEdit } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { Button } from "../ui/button.tsx";
import { FileInput } from "../ui/file-input.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { choose, type Form, runBatch, type Skipped, stopBatch, type Target, useBatch } from "./batch-state.ts";

/** The edit that is shown, on many photos: a button and its window. Closed while it works, it goes on. */
export function ManyPhotos() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { open, chosen, running, saved, skipped } = useBatch();
  const { config } = useModel();
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  const text = running ? `${saved + skipped.length} of ${chosen.length}` : "Many photos";
  return (
    <>
      <Button icon={Images} title="The same edit on many photos" onClick={() => useBatch.setState({ open: true })}>
        {text}
      </Button>
      <dialog
        ref={dialog}
        className="dialog"
        aria-labelledby="many-photos"
        onClose={() => useBatch.setState({ open: false })}
      >
        <div className="dialog-body">
          <h2 id="many-photos">The same edit on many photos</h2>
          <p className="soft">
            {summaryOf(useEdit(({ present }) => present))} Each photo is placed{" "}
            {config.align ? "by its largest face, one without a face by its middle square" : "by its middle square"}.
          </p>
          <Choice />
          <Progress />
          <Outcome />
          <Actions onClose={() => dialog.current?.close()} />
        </div>
      </dialog>
    </>
  );
}

/** The edit in words. */
function summaryOf({ strengths, detail }: Edit): string {
  const moved = Object.entries(strengths)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => signed(name, value, 2));
  const kept = detail > 0 ? ` ${Math.round(100 * detail)} % of the photo's detail is kept.` : "";
  return moved.length > 0 ? `${moved.join(", ")}.${kept}` : `No slider is moved: photos are only reconstructed.${kept}`;
}

function Choice() {
  const { chosen, others, running } = useBatch();
  const [photos, folder] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const disabled = running !== undefined;
  return (
    <>
      <div className="many-photos-row">
        <Button icon={ImagePlus} disabled={disabled} onClick={() => photos.current?.click()}>
          Choose photos
        </Button>
        <Button icon={FolderOpen} disabled={disabled} onClick={() => folder.current?.click()}>
          Choose a folder
        </Button>
      </div>
      <FileInput ref={photos} label="Photos for the same edit" accept="image/*" multiple onFiles={choose} />
      <FileInput ref={folder} label="A folder for the same edit" folder onFiles={choose} />
      <p role="status">
        {chosen.length === 0 ? "No photos yet." : `${chosen.length} ${chosen.length === 1 ? "photo" : "photos"}.`}
        {others > 0 && ` ${others} other ${others === 1 ? "file is" : "files are"} left alone.`}
      </p>
    </>
  );
}

function Progress() {
  const { chosen, running, saved, skipped } = useBatch();
  if (!running) return null;
  const done = saved + skipped.length;
  return (
    <div className="many-photos-row">
      <progress value={done} max={chosen.length} aria-label="Photos that are done" />
      <span className="soft clip">{chosen[done]?.path}</span>
    </div>
  );
}

function Outcome() {
  const { outcome, skipped } = useBatch();
  return (
    <>
      {outcome && <p role="status">{outcome}</p>}
      {skipped.length > 0 && (
        <ul className="many-photos-skipped" aria-label="Left out">
          {skipped.map(({ path, reason }: Skipped) => (
            <li key={path}>{reason}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Actions({ onClose }: { readonly onClose: () => void }) {
  const { chosen, running } = useBatch();
  const [form, setForm] = useState<Form>("photos");
  const [target, setTarget] = useState<Target>("zip");
  if (running) {
    return (
      <footer>
        <Button onClick={onClose}>Go on behind</Button>
        <Button icon={Square} onClick={stopBatch}>
          Stop
        </Button>
      </footer>
    );
  }
  return (
    <>
      <div className="many-photos-row">
        <Segmented
          label="What is saved of each"
          value={form}
          options={{ photos: "Whole photos", squares: "Squares" }}
          onChange={setForm}
        />
        <Segmented
          label="How they are saved"
          value={target}
          options={{ zip: "One zip", files: "One by one" }}
          onChange={setTarget}
        />
      </div>
      <footer>
        <Button onClick={onClose}>Close</Button>
        <Button primary disabled={chosen.length === 0} onClick={() => void runBatch(form, target)}>
          Edit them
        </Button>
      </footer>
    </>
  );
}
