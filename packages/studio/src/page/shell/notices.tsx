import "./notices.css";
import { X } from "lucide-react";
import { dismiss, useNotices } from "../state/notices.ts";
import { IconButton } from "../ui/button.tsx";

export function Notices() {
  const list = useNotices((state) => state.list);
  return (
    <div className="notices" role="status" aria-live="polite">
      {list.map(({ id, kind, text }) => (
        <div key={id} className="notice" data-kind={kind}>
          <p>{text}</p>
          <IconButton icon={X} label="Close this note" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
