import "./explore-panel.css";
import { useEffect, useMemo, useRef } from "react";
import { useModel } from "../state/models.ts";
import { useShelf } from "../state/shelf.ts";
import { AxesPanel } from "./axes-panel.tsx";
import { ExploreBar } from "./explore-bar.tsx";
import { showMore, useExplore } from "./explore-state.ts";
import { Tiles } from "./tiles.tsx";
import { Wall } from "./wall.ts";

/** What the model makes by itself: a wall of it, or axes along which it varies. */
export function ExplorePanel() {
  const view = useExplore((state) => state.view);
  return (
    <div className="explore">
      <ExploreBar />
      {view === "axes" ? <AxesPanel /> : <Samples />}
    </div>
  );
}

function Samples() {
  const model = useModel();
  const { of, count } = useExplore();
  const favourites = useShelf((shelf) => shelf.favourites);
  // Another model makes other pictures of the same latents: it gets a wall of its own.
  const wall = useMemo(() => new Wall(of, model.config.latent), [of, model]);
  const pictures = useMemo(() => wall.pictures(count), [wall, count]);
  return (
    <>
      {favourites.length > 0 && (
        <section aria-label="Favourites" className="favourites">
          <h2>Favourites</h2>
          <Tiles pictures={favourites} label="Favourites" />
        </section>
      )}
      <section aria-label="Samples">
        <Tiles pictures={pictures} label={of.near ? `Pictures like ${of.near.name}` : `Samples of seed ${of.seed}`} />
        <MoreWhenSeen key={count} />
      </section>
    </>
  );
}

/** The end of the wall: once it comes near the window, there is more. */
function MoreWhenSeen() {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = end.current;
    if (!element) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && showMore(), {
      rootMargin: "200px",
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return <div ref={end} className="wall-end" />;
}
