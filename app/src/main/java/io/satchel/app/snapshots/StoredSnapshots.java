package io.satchel.app.snapshots;

import io.satchel.app.common.Problem;
import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.library.TimelineFile;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.machine.SavedMachines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The snapshots in the files of a computer that is off, or of a picked disk image. */
public final class StoredSnapshots implements SnapshotStore {

  private final @Nullable Library library;
  private final String name;
  private final @Nullable Path image;
  private final Answers answers;
  private @Nullable Entry entry;

  /**
   * Those of a machine of the library.
   *
   * @param answers what was answered to questions that its disks raised
   */
  public StoredSnapshots(Library library, Entry entry, Answers answers) {
    this.answers = answers;
    this.library = library;
    this.entry = entry;
    name = entry.name();
    image = null;
  }

  /**
   * Those of an image that belongs to no machine.
   *
   * @param answers what was answered to questions that it raised
   */
  public StoredSnapshots(Path image, Answers answers) {
    this.answers = answers;
    this.image = image;
    library = null;
    entry = null;
    name = String.valueOf(image.getFileName());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public @Nullable Entry entry() {
    return entry;
  }

  @Override
  public boolean live() {
    return false;
  }

  private List<Disk> kept() {
    Entry machine = entry;
    return machine == null
        ? List.of()
        : machine.machine().disks().stream()
            .filter(disk -> !disk.readOnly() && !disk.throwAway())
            .toList();
  }

  /** The files on top. */
  private List<Path> files() {
    if (image != null) {
      return List.of(image);
    }
    List<Path> files = new ArrayList<>();
    Entry machine = entry;
    if (machine != null) {
      kept().forEach(disk -> files.add(machine.resolve(disk.top())));
    }
    return files;
  }

  private interface Look<T extends @Nullable Object> {
    T at(Qcow2Device device) throws IOException;
  }

  /** Looks into the first file that is a qcow2 image. */
  private <T extends @Nullable Object> T look(Look<T> look, T otherwise) throws IOException {
    for (Path file : files()) {
      OpenOptions options =
          OpenOptions.readOnly().withBacking(BackingPolicy.NONE).withAnswers(answers);
      try (OpenedImage opened = Images.open(file, options)) {
        Qcow2Device device = Images.qcow2(opened.device());
        if (device != null) {
          return look.at(device);
        }
      }
    }
    return otherwise;
  }

  private interface Change {
    void on(Qcow2Device device) throws IOException;
  }

  /** Changes all files; all are opened before the first is changed. */
  private void change(Change change) throws IOException {
    List<OpenedImage> opened = new ArrayList<>();
    try {
      List<Qcow2Device> devices = new ArrayList<>();
      for (Path file : files()) {
        OpenOptions options =
            OpenOptions.forWriting().withBacking(BackingPolicy.NONE).withAnswers(answers);
        OpenedImage one = Images.open(file, options);
        opened.add(one);
        Qcow2Device device = Images.qcow2(one.device());
        if (device == null) {
          throw new ImageException(
              ImageException.Kind.UNSUPPORTED,
              file,
              "is not in qcow2 format, so it cannot hold snapshots",
              "convert it to qcow2");
        }
        devices.add(device);
      }
      for (Qcow2Device device : devices) {
        change.on(device);
      }
    } finally {
      for (OpenedImage one : opened) {
        one.close();
      }
    }
  }

  @Override
  public List<Snapshot> list() throws IOException {
    return look(SavedMachines::list, List.of());
  }

  @Override
  public byte @Nullable [] picture(Snapshot snapshot) throws IOException {
    return snapshot.stateBytes() == 0
        ? null
        : look(device -> SavedMachines.picture(device, snapshot.id()), null);
  }

  @Override
  public @Nullable Path screen() {
    Entry machine = entry;
    return machine != null && Files.isRegularFile(machine.screen()) ? machine.screen() : null;
  }

  @Override
  public void take(String called, Progress progress) throws IOException {
    Entry machine = entry;
    if (library != null && machine != null) {
      entry = library.layered(machine, answers);
    }
    if (files().isEmpty()) {
      throw new Problem("problem.snapshot.nothing", name);
    }
    Instant now = Instant.now();
    change(device -> device.snapshots().create(called, now, 0, 0));
  }

  @Override
  public void restore(Snapshot snapshot) throws IOException {
    change(device -> device.snapshots().apply(snapshot.name()));
    keep(file().withResume(snapshot.stateBytes() > 0 ? snapshot.name() : null));
  }

  @Override
  public void delete(String called) throws IOException {
    change(
        device -> {
          if (device.snapshots().list().stream().anyMatch(info -> info.name().equals(called))) {
            device.snapshots().delete(called);
          }
        });
  }

  @Override
  public long taken() throws IOException {
    return allocated(files());
  }

  static long allocated(List<Path> files) throws IOException {
    long sum = 0;
    for (Path file : files) {
      try (HostFile opened = HostFile.open(file, false, HostFile.Locking.NO)) {
        sum += opened.allocated();
      }
    }
    return sum;
  }

  @Override
  public TimelineFile file() {
    Entry machine = entry;
    return machine == null ? TimelineFile.empty() : TimelineFile.read(machine.folder());
  }

  @Override
  public void keep(TimelineFile file) throws IOException {
    Entry machine = entry;
    if (machine != null) {
      file.write(machine.folder());
    }
  }

  @Override
  public List<DiskLook> disks(@Nullable String snapshot) throws IOException {
    if (image != null) {
      return List.of(new DiskLook(image, BackingPolicy.SAME_FOLDER, snapshot, name, answers));
    }
    List<DiskLook> all = new ArrayList<>();
    Entry machine = entry;
    if (machine != null) {
      for (Disk disk : kept()) {
        all.add(DiskLook.of(machine, disk, snapshot, answers));
      }
    }
    return all;
  }

  @Override
  public Answers answers() {
    return answers;
  }

  @Override
  public Map<Integer, Path> layers() {
    Map<Integer, Path> layers = new LinkedHashMap<>();
    Entry machine = entry;
    if (machine != null) {
      kept().forEach(disk -> layers.put(disk.unit(), machine.resolve(disk.top())));
    }
    return layers;
  }
}
