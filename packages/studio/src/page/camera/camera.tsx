import "../ui/dialog.css";
import "./camera.css";
import { Aperture, Camera as CameraIcon } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Ghost } from "../edit/ghost.tsx";
import { contextOf, pngOf } from "../image/canvas.ts";
import { openDropped } from "../project/open-dropped.ts";
import { useModel } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import { Button, IconButton } from "../ui/button.tsx";

/** A button that lets the person take a photo, where the browser gives cameras: pages from https or localhost. */
export function Camera({ small = false }: { readonly small?: boolean }) {
  const [stream, setStream] = useState<MediaStream>();
  const close = useCallback(() => setStream(undefined), []);
  const isShown = useRef(false);
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);
  if (!("mediaDevices" in navigator)) return null;
  // The person may have begun something else before allowing it.
  const use = (opened: MediaStream) => (isShown.current ? setStream(opened) : end(opened));
  const open = () => openCamera().then(use, report);
  return (
    <>
      {small ? (
        <IconButton icon={CameraIcon} label="Camera" onClick={() => void open()} />
      ) : (
        <Button icon={CameraIcon} onClick={() => void open()}>
          Camera
        </Button>
      )}
      {stream && <Finder stream={stream} onClose={close} />}
    </>
  );
}

/** @throws Error in one line, with the mend */
async function openCamera(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
  } catch (error) {
    throw new Error(mends[(error as DOMException).name] ?? `no camera: ${(error as Error).message}`, { cause: error });
  }
}

function end(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

const mends: Record<string, string> = {
  NotAllowedError: "the camera may not be used: allow it for this page beside the browser's address bar",
  NotFoundError: "there is no camera on this machine",
  NotReadableError: "another program uses the camera: end that first",
};

/** What the camera sees, as in a mirror; the photo itself is not mirrored. */
function Finder({ stream, onClose }: { readonly stream: MediaStream; readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const { align } = useModel().config;
  useEffect(() => {
    dialog.current?.showModal();
    const [track] = stream.getTracks();
    const lost = () => {
      notify("problem", "the camera was disconnected");
      onClose();
    };
    track?.addEventListener("ended", lost);
    if (video.current) video.current.srcObject = stream;
    return () => {
      track?.removeEventListener("ended", lost);
      end(stream);
    };
  }, [stream, onClose]);
  const take = async () => {
    const file = video.current && (await photoOf(video.current));
    onClose();
    if (file) await openDropped([file]);
  };
  return (
    <dialog ref={dialog} className="dialog" aria-label="Take a photo" onClose={onClose}>
      <div className="dialog-body">
        <div className="finder">
          <video ref={video} autoPlay playsInline muted />
          {align && <Ghost template={align} />}
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button primary icon={Aperture} onClick={() => void take().catch(report)}>
            Take it
          </Button>
        </footer>
      </div>
    </dialog>
  );
}

async function photoOf(video: HTMLVideoElement): Promise<File> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) throw new Error("the camera shows nothing yet: try again in a moment");
  const context = contextOf(width, height);
  context.drawImage(video, 0, 0);
  return new File([await pngOf(context)], "camera.png", { type: "image/png" });
}
