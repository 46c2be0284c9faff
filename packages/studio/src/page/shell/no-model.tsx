import "./no-model.css";
import { startModels, useModels } from "../state/models.ts";
import { Button } from "../ui/button.tsx";

/** Before the first model: it is being loaded, there is none, or it could not be opened. */
export function NoModel() {
  const { status, problem } = useModels();
  if (status === "loading") {
    return (
      <div className="no-model" role="status">
        <p className="soft">Loading the model…</p>
      </div>
    );
  }
  return (
    <div className="no-model">
      <h1>{status === "none" ? "No model yet" : "This model could not be opened"}</h1>
      {status === "none" ? (
        <p>
          Name a model folder when you start the studio, <code>pioneer studio my-model</code>, or train one and watch it
          learn: <a href="#watch">runs</a>.
        </p>
      ) : (
        <p>{problem}</p>
      )}
      <Button primary onClick={() => void startModels()}>
        Look again
      </Button>
    </div>
  );
}
