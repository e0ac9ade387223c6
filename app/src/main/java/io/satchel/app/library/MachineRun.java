package io.satchel.app.library;

import io.satchel.app.common.JsonFile;
import io.satchel.app.common.Problem;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.open.Layers;
import io.satchel.app.open.RunChanges;
import io.satchel.app.open.RunRequest;
import io.satchel.app.open.Slot;
import io.satchel.app.open.Slot.Writing;
import io.satchel.image.Answers;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One run of a machine of the library. Each disk gets a layer for this run alone, {@code
 * run-UNIT.qcow2} in the machine's folder, so that a run can be thrown away; keeping it writes the
 * layer into what lies below. A layer that holds snapshots becomes one of the machine's own
 * instead, and from then on the machine runs on it. {@code running.json} says that the machine
 * runs: one that is there at the program's start was left by a crash, with its layers.
 */
public final class MachineRun implements RunChanges {

  private static final String MARKER = "running.json";
  private static final int MARKER_VERSION = 1;

  /**
   * Says who runs a machine.
   *
   * @param version of this form
   * @param process the host's number of the program that runs it
   * @param started when that program was started, for numbers are used again
   * @param direct whether it writes to the layers that are kept
   * @param from the snapshot that the present began at when the run did
   */
  record Marker(
      int version, long process, @Nullable Instant started, boolean direct, @Nullable String from) {

    static Marker ours(boolean direct, @Nullable String from) {
      ProcessHandle self = ProcessHandle.current();
      return new Marker(
          MARKER_VERSION, self.pid(), self.info().startInstant().orElse(null), direct, from);
    }

    boolean alive() {
      return ProcessHandle.of(process)
          .filter(ProcessHandle::isAlive)
          .map(other -> started == null || started.equals(other.info().startInstant().orElse(null)))
          .orElse(false);
    }
  }

  private record Layer(Path file, BackingPolicy below, boolean fresh, int unit) {}

  private final Library library;
  private Entry entry;

  /**
   * Whether the disks' layers hold snapshots: then the run writes to these layers, where its
   * snapshots join the others, and a mark in each says what it was before.
   */
  private boolean direct;

  /** The snapshot that the present began at when the run did. */
  private @Nullable String from;

  private final Answers answers;
  private final List<Layer> layers = new ArrayList<>();
  private final List<Slot> slots = new ArrayList<>();

  private MachineRun(Library library, Entry entry, Answers answers) {
    this.library = library;
    this.entry = entry;
    this.answers = answers;
  }

  /**
   * Makes ready to run a machine; a layer that a crash left is gone on from.
   *
   * @throws IOException in one sentence; nothing is left behind
   */
  public static MachineRun prepare(Library library, Entry entry) throws IOException {
    return prepare(library, entry, Answers.none());
  }

  /** As {@link #prepare(Library, Entry)}, with what was answered to questions of its images. */
  public static MachineRun prepare(Library library, Entry entry, Answers answers)
      throws IOException {
    if (runsElsewhere(entry)) {
      throw new Problem("problem.runs.elsewhere", entry.name());
    }
    MachineRun run = new MachineRun(library, entry, answers);
    try {
      run.build();
      JsonFile.write(entry.folder().resolve(MARKER), Marker.ours(run.direct, run.from));
      return run;
    } catch (IOException | RuntimeException e) {
      run.tidy();
      throw e;
    }
  }

  private void build() throws IOException {
    direct = holdsSnapshots(entry);
    if (direct) {
      entry = library.layered(entry, answers);
    }
    Marker left = marker(entry);
    from =
        left == null || !interrupted(entry)
            ? TimelineFile.read(entry.folder()).current()
            : left.from;
    MachineFile file = entry.machine();
    for (Disk disk : file.disks()) {
      Path top = entry.resolve(disk.top());
      BackingPolicy below =
          disk.layers().isEmpty()
              ? BackingPolicy.SAME_FOLDER
              : Library.trusted(entry, disk, answers);
      if (disk.readOnly() || disk.throwAway()) {
        slots.add(
            new Slot(
                DriveKind.HARD_DISK,
                disk.unit(),
                top,
                below,
                disk.readOnly() ? Writing.REFUSED : Writing.THROWN_AWAY,
                disk.cache(),
                disk.serial()));
        continue;
      }
      Path layer = direct ? top : layer(entry, disk.unit());
      boolean fresh;
      if (direct) {
        dropSecondName(layer(entry, disk.unit()), top);
        fresh = Layers.mark(layer);
      } else {
        fresh = !Files.exists(layer);
        if (fresh) {
          Overlay.create(
              layer,
              top,
              OpenOptions.readOnly().withBacking(below).withAnswers(answers),
              library.together());
          Layers.mark(layer);
        }
      }
      if (!fresh) {
        // What a kill left of an earlier run's last minutes.
        Layers.forgetMoments(layer);
      }
      layers.add(new Layer(layer, below, fresh, disk.unit()));
      slots.add(
          new Slot(
              DriveKind.HARD_DISK,
              disk.unit(),
              layer,
              BackingPolicy.ANYWHERE,
              Writing.KEPT,
              disk.cache(),
              disk.serial()));
    }
    slots.add(Slot.readOnly(DriveKind.CD, MachineFile.CD_UNIT, path(file.cd())));
    slots.add(floppy(0, path(file.floppyA())));
    if (file.floppyB() != null) {
      slots.add(floppy(1, path(file.floppyB())));
    }
  }

  /** A kill in {@link #join} leaves the layer under its old name too. */
  private static void dropSecondName(Path old, Path layer) throws IOException {
    if (Files.exists(old) && Files.isSameFile(old, layer)) {
      Files.delete(old);
    }
  }

  private static Slot floppy(int unit, @Nullable Path file) {
    return new Slot(
        DriveKind.FLOPPY,
        unit,
        file,
        BackingPolicy.SAME_FOLDER,
        Writing.THROWN_AWAY,
        CacheMode.WRITEBACK,
        null);
  }

  private @Nullable Path path(@Nullable String name) {
    return name == null ? null : entry.resolve(name);
  }

  private static Path layer(Entry entry, int unit) {
    return entry.folder().resolve("run-" + unit + ".qcow2");
  }

  /** The machine. */
  public Entry entry() {
    return entry;
  }

  @Override
  public RunRequest request() {
    MachineFile file = entry.machine();
    List<BootDevice> order = new ArrayList<>();
    BootDevice once = file.bootOnce();
    if (once != null) {
      order.add(once);
    }
    file.bootOrder().stream().filter(each -> each != once).forEach(order::add);
    return new RunRequest(
        null,
        List.of(),
        null,
        List.of(),
        file.memoryMib(),
        file.processor(),
        order,
        file.bootMenu(),
        null,
        "",
        null,
        null,
        null,
        null,
        false,
        Clock.HOST,
        file.date(),
        false,
        file.processors(),
        file.speed(),
        null,
        null,
        answers);
  }

  @Override
  public List<Slot> slots() {
    return List.copyOf(slots);
  }

  @Override
  public String name() {
    return entry.name();
  }

  @Override
  public @Nullable Path file() {
    return layers.isEmpty() ? null : entry.folder();
  }

  @Override
  public boolean layered() {
    return true;
  }

  /** Notes that the machine was started: the time, and that a once-only start is over. */
  public void started() throws IOException {
    MachineFile now = library.read(entry.folder()).machine();
    library.save(
        entry.folder(),
        now.withBoot(now.bootOrder(), null, now.bootMenu())
            .withTimes(now.created(), Instant.now()));
    TimelineFile timeline = TimelineFile.read(entry.folder());
    if (timeline.resume() != null) {
      timeline.wentBackTo(timeline.resume()).withResume(null).write(entry.folder());
    }
  }

  /** The snapshot that this run goes on from; null when it starts from power-on. */
  public @Nullable String resume() {
    return layers.stream().allMatch(Layer::fresh)
        ? TimelineFile.read(entry.folder()).resume()
        : null;
  }

  /** The machine's hard disks, to be looked at as a snapshot of this run has them. */
  public List<DiskLook> disks(@Nullable String snapshot) {
    return layers.stream()
        .map(layer -> new DiskLook(layer.file(), BackingPolicy.ANYWHERE, snapshot, entry.name()))
        .toList();
  }

  /** The files that hold this run's snapshots, by the disk's unit. */
  public Map<Integer, Path> files() {
    return layers.stream().collect(Collectors.toMap(Layer::unit, Layer::file));
  }

  @Override
  public void keep(Progress progress) throws IOException {
    forgetMoments();
    if (direct || snapshotsWereSaved()) {
      for (Layer layer : layers) {
        Layers.unmark(layer.file());
      }
      join();
    } else {
      for (Layer layer : layers) {
        OpenOptions into = OpenOptions.forWriting().withBacking(layer.below()).withAnswers(answers);
        if (Files.exists(layer.file()) && !Overlay.keep(layer.file(), into, progress)) {
          throw new Cancelled();
        }
      }
    }
    over();
  }

  @Override
  public void discard() throws IOException {
    forgetMoments();
    if (direct || snapshotsWereSaved()) {
      for (Layer layer : layers) {
        Layers.backToMark(layer.file());
      }
      join();
      TimelineFile.read(entry.folder()).wentBackTo(from).write(entry.folder());
    } else {
      for (Layer layer : layers) {
        if (Files.exists(layer.file())) {
          Overlay.discard(layer.file());
        }
      }
    }
    over();
  }

  @Override
  public void tidy() throws IOException {
    forgetMoments();
    if (!direct && snapshotsWereSaved()) {
      keep(Progress.NONE);
      return;
    }
    for (Layer layer : layers) {
      if (layer.fresh() && direct) {
        Layers.unmark(layer.file());
      } else if (layer.fresh()) {
        Files.deleteIfExists(layer.file());
      }
    }
    if (layers.stream().allMatch(Layer::fresh)) {
      over();
    }
  }

  /** The last minutes are for as long as the machine runs. */
  private void forgetMoments() throws IOException {
    for (Layer layer : layers) {
      if (Files.exists(layer.file())) {
        Layers.forgetMoments(layer.file());
      }
    }
  }

  private boolean snapshotsWereSaved() throws IOException {
    for (Layer layer : layers) {
      if (Files.exists(layer.file()) && !Layers.snapshots(layer.file()).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /** Makes this run's layers the machine's own. At every moment the machine's file holds. */
  private void join() throws IOException {
    if (direct) {
      return;
    }
    MachineFile file = library.read(entry.folder()).machine();
    List<Disk> disks = new ArrayList<>(file.disks());
    for (Layer layer : layers) {
      Path name = Library.freeName(entry.folder());
      try {
        Files.createLink(name, layer.file());
      } catch (IOException | UnsupportedOperationException _) {
        // This file system knows no second names; a copy stands in for one.
        Files.copy(layer.file(), name);
      }
      disks.replaceAll(
          disk ->
              disk.unit() == layer.unit()
                  ? disk.withLayers(Library.plus(disk.layers(), name.getFileName().toString()))
                  : disk);
    }
    library.save(entry.folder(), file.withDisks(disks));
    for (Layer layer : layers) {
      Files.delete(layer.file());
    }
  }

  /** Whether a machine's snapshots are in the layers that its file names. */
  static boolean holdsSnapshots(Entry entry) throws IOException {
    for (Disk disk : entry.machine().disks()) {
      if (!disk.readOnly() && !disk.throwAway() && !disk.layers().isEmpty()) {
        Path top = entry.resolve(disk.top());
        if (!Layers.snapshots(top).isEmpty()) {
          return true;
        }
      }
    }
    return false;
  }

  private void over() throws IOException {
    Path marker = entry.folder().resolve(MARKER);
    Files.deleteIfExists(JsonFile.previous(marker));
    Files.deleteIfExists(marker);
  }

  private static @Nullable Marker marker(Entry entry) {
    Path marker = entry.folder().resolve(MARKER);
    try {
      return Files.exists(marker) ? JsonFile.read(marker, Marker.class, MARKER_VERSION) : null;
    } catch (IOException _) {
      // What cannot be read was left by a crash.
      return null;
    }
  }

  private static boolean runsElsewhere(Entry entry) {
    Marker found = marker(entry);
    return found != null && found.alive() && found.process() != ProcessHandle.current().pid();
  }

  /**
   * Whether a machine was running when the program, or the host, went down; what it wrote is in its
   * layers.
   */
  public static boolean interrupted(Entry entry) {
    if (entry.file() == null
        || !Files.exists(entry.folder().resolve(MARKER))
        || runsElsewhere(entry)) {
      return false;
    }
    Marker left = marker(entry);
    return left != null && left.direct
        || entry.file().disks().stream().anyMatch(disk -> Files.exists(layer(entry, disk.unit())));
  }
}
