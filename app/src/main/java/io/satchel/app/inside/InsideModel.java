package io.satchel.app.inside;

import io.satchel.app.common.Problem;
import io.satchel.app.library.DiskLook;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import io.satchel.image.inspect.FileSystems;
import io.satchel.image.inspect.FileSystems.Found;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * The files of some disks. The images are opened anew for each answer, so that nothing is held open
 * while a person reads.
 */
public final class InsideModel {

  private static final int MAX_DEPTH = 128;
  private static final int CHUNK = 1 << 18;

  /**
   * A file system that can be chosen.
   *
   * @param disk its place in the list of disks
   * @param volume its place on the disk
   * @param partition the partition's number; 0 when it fills the disk
   */
  public record Place(int disk, int volume, int partition, String title) {}

  /** What came of copying. */
  public record Copied(int files, long bytes) {}

  private final List<DiskLook> disks;

  public InsideModel(List<DiskLook> disks) {
    this.disks = List.copyOf(disks);
  }

  /** All file systems of all disks. */
  public List<Place> places() throws IOException {
    List<Place> places = new ArrayList<>();
    for (int i = 0; i < disks.size(); i++) {
      try (OpenedImage image = disks.get(i).open()) {
        List<Found> volumes = FileSystems.on(image.device(), 0);
        for (int k = 0; k < volumes.size(); k++) {
          Found volume = volumes.get(k);
          places.add(new Place(i, k, volume.partition(), volume.title()));
        }
      }
    }
    return places;
  }

  private interface Look<T> {
    T at(FileSystem files) throws IOException;
  }

  private <T> T look(Place place, Look<T> look) throws IOException {
    DiskLook disk = disks.get(place.disk);
    try (OpenedImage image = disk.open()) {
      List<Found> volumes = FileSystems.on(image.device(), 0);
      if (place.volume >= volumes.size()) {
        throw new Problem("problem.inside.changed", disk.path());
      }
      return look.at(volumes.get(place.volume).files());
    }
  }

  /** What a folder holds: folders first, then by name. */
  public List<Entry> list(Place place, String path) throws IOException {
    List<Entry> entries = look(place, files -> new ArrayList<>(files.list(path)));
    entries.sort(
        Comparator.comparing((Entry entry) -> entry.type() != Type.DIRECTORY)
            .thenComparing(entry -> entry.name().toLowerCase(Locale.ROOT)));
    return entries;
  }

  /** The folder that a folder is in. */
  public static String above(String path) {
    int slash = path.lastIndexOf('/');
    return slash <= 0 ? "/" : path.substring(0, slash);
  }

  /**
   * Copies files and folders to a folder of the host. Nothing that is there is replaced.
   *
   * @throws IOException in one sentence; what was copied before stays
   */
  public Copied copyOut(
      Place place, String path, List<Entry> entries, Path target, Progress progress)
      throws IOException {
    return look(
        place,
        files -> {
          Copying copying = new Copying(files, progress);
          for (Entry entry : entries) {
            copying.total += entry.type() == Type.FILE ? entry.size() : 0;
          }
          for (Entry entry : entries) {
            copying.copy(FileSystem.below(path, entry.name()), entry, target, 0);
          }
          return new Copied(copying.count, copying.done);
        });
  }

  private static final class Copying {
    private final FileSystem files;
    private final Progress progress;
    private long total;
    private long done;
    private int count;

    Copying(FileSystem files, Progress progress) {
      this.files = files;
      this.progress = progress;
    }

    void copy(String path, Entry entry, Path folder, int depth) throws IOException {
      if (depth > MAX_DEPTH) {
        throw new Problem("problem.inside.deep", path);
      }
      Path target = place(folder, entry.name());
      if (entry.type() == Type.DIRECTORY) {
        Files.createDirectory(target);
        for (Entry each : files.list(path)) {
          copy(FileSystem.below(path, each.name()), each, target, depth + 1);
        }
      } else if (entry.type() == Type.FILE) {
        file(path, target);
      }
    }

    private void file(String path, Path target) throws IOException {
      byte[] chunk = new byte[CHUNK];
      try (InputStream in = files.open(path).stream();
          OutputStream out = Files.newOutputStream(target, StandardOpenOption.CREATE_NEW)) {
        for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
          out.write(chunk, 0, n);
          done += n;
          if (!progress.at(done, Math.max(done, total))) {
            throw new Cancelled();
          }
        }
      } catch (Cancelled e) {
        Files.deleteIfExists(target);
        throw e;
      }
      count++;
    }

    /** A name from an untrusted disk must stay in the folder and be possible here. */
    private static Path place(Path folder, String name) throws IOException {
      String plain = name.replaceAll("[\\p{Cntrl}/\\\\:*?\"<>|]", "_");
      if (plain.isBlank() || plain.equals(".") || plain.equals("..")) {
        plain = "_" + plain.replace('.', '_');
      }
      try {
        return folder.resolve(plain);
      } catch (InvalidPathException e) {
        throw new Problem("problem.inside.name", e, plain);
      }
    }
  }
}
