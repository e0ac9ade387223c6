package io.satchel.app.open;

import io.satchel.image.OpenOptions;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the window keeps what a machine writes: a file beside the image, {@code
 * NAME.changes.qcow2}, or in the person's own folder when the image's folder cannot be written. A
 * later run of the same image goes on from it.
 *
 * <p>What was kept once is not risked again: a later run writes to a layer over it, {@code
 * NAME.run.qcow2}, so that throwing this run away leaves the earlier ones. A layer that is there at
 * the start was left by a crash, and the run goes on from it. A layer that holds snapshots is not
 * written into what lies below, for they can be restored only on top: it takes the place of what
 * was kept, which stays below it. Over what holds snapshots a run has no layer; it writes there,
 * where its snapshots join the others, and a mark says what it was before.
 */
public final class Changes implements RunChanges {

  private static final String KEPT = ".changes.qcow2";
  private static final String RUN = ".run.qcow2";

  private final RunRequest request;
  private final @Nullable Path kept;
  private final @Nullable Path layer;
  private final boolean marked;
  private final boolean fresh;

  /**
   * @param marked whether this run writes to what was kept, and a mark says what that was before
   * @param fresh whether nothing of an earlier run can be in the file that this run writes, or, if
   *     it is marked, nothing since the mark
   */
  private Changes(
      RunRequest request,
      @Nullable Path kept,
      @Nullable Path layer,
      boolean marked,
      boolean fresh) {
    this.request = request;
    this.kept = kept;
    this.layer = layer;
    this.marked = marked;
    this.fresh = fresh;
  }

  /** A run whose changes are thrown away, or kept where {@code request} itself says. */
  public static Changes none(RunRequest request) {
    return new Changes(request, null, null, false, false);
  }

  /**
   * Gives {@code request} a file to keep changes in, where it has none and its image is one that is
   * written to.
   *
   * @param home the person's own folder
   * @throws IOException if the image cannot be opened
   */
  public static Changes prepare(RunRequest request, Path home) throws IOException {
    Path image = request.image();
    if (image == null
        || request.overlay() != null
        || request.write()
        || ImageKinds.of(image, request.answers()) == DriveKind.CD) {
      return none(request);
    }
    Path absolute = image.toAbsolutePath().normalize();
    Path folder = absolute.getParent();
    boolean beside = folder != null && Files.isWritable(folder);
    Path kept =
        beside ? absolute.resolveSibling(absolute.getFileName() + KEPT) : own(absolute, home);
    boolean earlier = Files.exists(kept);
    if (!earlier) {
      return new Changes(request.withOverlay(kept), kept, null, false, true);
    }
    Path layer = kept.resolveSibling(kept.getFileName().toString().replace(KEPT, RUN));
    boolean fresh = !Files.exists(layer);
    if (fresh && !Layers.snapshots(kept).isEmpty()) {
      return new Changes(request.withOverlay(kept), kept, null, true, Layers.mark(kept));
    }
    if (fresh) {
      Overlay.create(layer, kept, OpenOptions.readOnly().withAnswers(request.answers()));
    }
    return new Changes(request.withOverlay(layer), kept, layer, false, fresh);
  }

  /** The same run, to be begun again with other hardware. */
  public Changes withHardware(int memoryMib, String processor) {
    return new Changes(request.withHardware(memoryMib, processor), kept, layer, marked, fresh);
  }

  /** Whether an earlier run of {@code image} has kept something beside it. */
  public static boolean keptBeside(Path image) {
    Path absolute = image.toAbsolutePath().normalize();
    return Files.exists(absolute.resolveSibling(absolute.getFileName() + KEPT));
  }

  private static Path own(Path image, Path home) throws IOException {
    Path folder = home.resolve(".satchel").resolve("changes");
    Files.createDirectories(folder);
    return folder.resolve(Integer.toHexString(image.hashCode()) + "-" + image.getFileName() + KEPT);
  }

  @Override
  public RunRequest request() {
    return request;
  }

  @Override
  public List<Slot> slots() {
    return List.of();
  }

  @Override
  public String name() {
    Path image = request.image();
    return image == null ? "" : String.valueOf(image.getFileName());
  }

  @Override
  public @Nullable Path file() {
    return kept;
  }

  @Override
  public boolean layered() {
    return layer != null || marked;
  }

  /** Keeps what was written; only after the session has been closed. */
  @Override
  public void keep(Progress progress) throws IOException {
    if (marked && kept != null) {
      Layers.unmark(kept);
    } else if (layer != null && kept != null) {
      if (Layers.snapshots(layer).isEmpty()) {
        Overlay.keep(layer, OpenOptions.forWriting().withAnswers(request.answers()), progress);
      } else {
        takeThePlace(layer, kept);
      }
    }
  }

  /**
   * The layer becomes what is kept, and what was kept lies below it under another name. A kill
   * between any two steps leaves a layer that the next run goes on from.
   */
  private static void takeThePlace(Path layer, Path kept) throws IOException {
    Path below = free(kept);
    try {
      Files.createLink(below, kept);
    } catch (IOException | UnsupportedOperationException _) {
      // This file system knows no second names; a copy stands in for one.
      Files.copy(kept, below);
    }
    Layers.rename(layer, Overlay.nameFor(layer, below));
    Files.move(layer, kept, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path free(Path kept) {
    for (int i = 1; ; i++) {
      Path name =
          kept.resolveSibling(
              kept.getFileName().toString().replace(KEPT, ".changes-" + i + ".qcow2"));
      if (!Files.exists(name)) {
        return name;
      }
    }
  }

  /** Throws this run's changes away; only after the session has been closed. */
  @Override
  public void discard() throws IOException {
    Path written = layer == null ? kept : layer;
    if (written == null || !Files.exists(written)) {
      return;
    }
    if (marked) {
      Layers.backToMark(written);
    } else {
      Overlay.discard(written);
    }
  }

  /** Removes the file that this run has made and not written to; one with snapshots is kept. */
  @Override
  public void tidy() throws IOException {
    Path written = layer == null ? kept : layer;
    if (!fresh || written == null || !Files.exists(written)) {
      return;
    }
    if (marked || !Layers.snapshots(written).isEmpty()) {
      keep(Progress.NONE);
    } else {
      discard();
    }
  }
}
