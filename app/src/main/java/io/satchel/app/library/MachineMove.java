package io.satchel.app.library;

import io.satchel.app.common.Problem;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.open.Layers;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Moves a machine's folder to another place: at once on the same disk, else by a copy that takes
 * the folder's place only when it is whole. When anything fails the machine is where it was.
 */
final class MachineMove {

  /**
   * A layer whose name for the file below it depends on where the layer is.
   *
   * @param layer within the machine's folder
   * @param below outside of it
   */
  private record Link(Path layer, Path below) {}

  private final Library library;
  private final Entry entry;
  private final Path from;
  private final Path to;
  private final List<Link> links = new ArrayList<>();

  private MachineMove(Library library, Entry entry, Path parent) {
    this.library = library;
    this.entry = entry;
    from = entry.folder().toAbsolutePath().normalize();
    to = parent.toAbsolutePath().normalize().resolve(from.getFileName());
  }

  /**
   * Moves.
   *
   * @param parent the folder that the machine's own is put into
   * @throws IOException in one sentence; the machine is where it was
   */
  static Entry run(Library library, Entry entry, Path parent, Progress progress)
      throws IOException {
    List<String> others = library.dependents(entry);
    if (!others.isEmpty()) {
      throw new Problem("problem.move.shared", entry.name(), String.join(", ", others));
    }
    return new MachineMove(library, entry, parent).run(progress);
  }

  private Entry run(Progress progress) throws IOException {
    if (Files.exists(to)) {
      throw new Problem("problem.move.exists", to);
    }
    if (to.startsWith(from)) {
      throw new Problem("problem.move.inside", to);
    }
    findLinks();
    MachineFile file = entry.machine();
    MachineFile there =
        file.withDisks(file.disks().stream().map(this::moved).toList())
            .withMedia(moved(file.cd()), moved(file.floppyA()), moved(file.floppyB()));
    if (renamed(from, to)) {
      try {
        settle(to, there);
      } catch (IOException | RuntimeException e) {
        back(file);
        throw e;
      }
      return library.read(to);
    }
    Path part = to.resolveSibling(to.getFileName() + ".moving");
    try {
      copy(part, progress);
      settle(part, there);
      Files.move(part, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      if (Files.isDirectory(part)) {
        Library.deleteFolder(part);
      }
      throw e;
    }
    library.moved(from, to);
    Library.deleteFolder(from);
    return library.read(to);
  }

  private void findLinks() {
    for (Disk disk : entry.machine().disks()) {
      Path below = entry.resolve(disk.file());
      for (String name : disk.layers()) {
        Path layer = entry.resolve(name);
        if (layer.startsWith(entry.folder()) && !below.startsWith(entry.folder())) {
          links.add(new Link(entry.folder().relativize(layer), below));
        }
        below = layer;
      }
    }
  }

  private Disk moved(Disk disk) {
    return disk.withFile(name(disk.file()))
        .withLayers(disk.layers().stream().map(this::name).toList());
  }

  private @Nullable String moved(@Nullable String file) {
    return file == null ? null : name(file);
  }

  private String name(String file) {
    Path path = entry.resolve(file);
    return path.startsWith(entry.folder()) ? file : library.nameFor(to, path);
  }

  private static boolean renamed(Path from, Path to) {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
      return true;
    } catch (IOException _) {
      // Another disk; then it is copied.
      return false;
    }
  }

  /** Makes the files in {@code folder} ones that lie at the new place, and notes the place. */
  private void settle(Path folder, MachineFile file) throws IOException {
    for (Link link : links) {
      Layers.rename(
          folder.resolve(link.layer),
          Overlay.nameFor(to.resolve(link.layer), link.below, library.together()));
    }
    library.save(folder, file);
    if (folder.equals(to)) {
      library.moved(from, to);
    }
  }

  /** Undoes a rename. */
  private void back(MachineFile file) throws IOException {
    for (Link link : links) {
      Layers.rename(
          to.resolve(link.layer),
          Overlay.nameFor(from.resolve(link.layer), link.below, library.together()));
    }
    library.save(to, file);
    Files.move(to, from, StandardCopyOption.ATOMIC_MOVE);
  }

  private void copy(Path part, Progress progress) throws IOException {
    Files.createDirectory(part);
    List<Path> files = Library.contents(entry);
    long total = Library.size(entry);
    long[] before = new long[1];
    for (Path file : files) {
      Path folder = part.resolve(from.relativize(file.toAbsolutePath().normalize())).getParent();
      Files.createDirectories(folder);
      Library.copyInto(folder, file, (done, _) -> progress.at(before[0] + done, total));
      before[0] += Files.size(file);
    }
  }
}
