package io.satchel.app.library;

import io.satchel.app.common.JsonFile;
import io.satchel.app.common.Problem;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.open.Layers;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The machines that are kept: a folder each, with {@code machine.json} and what it writes. */
public final class Library {

  static final String FILE = "machine.json";
  static final String SCREEN = "screen.png";
  private static final int COPY_CHUNK = 1 << 20;
  private static final int LONGEST_FOLDER = 40;

  private final DataFolder data;

  /**
   * A machine of the library.
   *
   * @param folder its own
   * @param file what it says; null when it cannot be read
   * @param problem why not, or which of its files are missing; null when all is well
   */
  public record Entry(Path folder, @Nullable MachineFile file, @Nullable String problem) {

    public Path json() {
      return folder.resolve(FILE);
    }

    /** The last picture of its screen; it may not be there. */
    public Path screen() {
      return folder.resolve(SCREEN);
    }

    /** Its name, or its folder's when the file cannot be read. */
    public String name() {
      return file == null ? folder.getFileName().toString() : file.name();
    }

    /** The file that {@code name} in the machine's file means. */
    public Path resolve(String name) {
      return folder.resolve(name).normalize();
    }

    /** What the machine's file says, which is there. */
    public MachineFile machine() {
      if (file == null) {
        throw new IllegalStateException(folder + " has no readable file");
      }
      return file;
    }
  }

  public Library(DataFolder data) {
    this.data = data;
  }

  /** Where it is. */
  public Path folder() {
    return data.machines();
  }

  /** Where everything is; names within it are relative. */
  public Path together() {
    return data.path();
  }

  /** All machines, the one that was used last first. */
  public List<Entry> list() throws IOException {
    List<Path> folders = new ArrayList<>(places().folders(together()));
    if (Files.isDirectory(folder())) {
      try (Stream<Path> all = Files.list(folder())) {
        all.filter(
                each ->
                    Files.exists(each.resolve(FILE))
                        || Files.exists(JsonFile.previous(each.resolve(FILE))))
            .forEach(folders::add);
      }
    }
    List<Entry> entries = new ArrayList<>();
    for (Path each : folders) {
      entries.add(read(each));
    }
    entries.sort(
        Comparator.comparing(Library::used, Comparator.reverseOrder())
            .thenComparing(Entry::name, String.CASE_INSENSITIVE_ORDER));
    return entries;
  }

  /** The machines that are kept elsewhere. */
  Places places() throws IOException {
    return Places.read(data.places());
  }

  /** Notes that a machine is in {@code now}; it was in {@code before}. */
  void moved(Path before, Path now) throws IOException {
    Places places = places().without(before, together());
    boolean here = folder().toAbsolutePath().normalize().equals(now.getParent());
    JsonFile.write(data.places(), here ? places : places.with(now, together()));
  }

  private static Instant used(Entry entry) {
    MachineFile file = entry.file();
    if (file == null) {
      return Instant.EPOCH;
    }
    Instant last = file.lastUsed() == null ? file.created() : file.lastUsed();
    return last == null ? Instant.EPOCH : last;
  }

  /** One machine, as its folder has it now. */
  public Entry read(Path folder) {
    Path json = folder.resolve(FILE);
    MachineFile file;
    try {
      file = JsonFile.read(json, MachineFile.class, MachineFile.VERSION);
    } catch (IOException e) {
      return new Entry(folder, null, io.satchel.app.common.Sentences.of(e));
    }
    Entry entry = new Entry(folder, file, null);
    List<Path> missing = missing(entry);
    String problem =
        missing.isEmpty() ? null : String.join("\n", missing.stream().map(Path::toString).toList());
    return new Entry(folder, file, problem);
  }

  /** The files that a machine names and that are not there. */
  public static List<Path> missing(Entry entry) {
    List<Path> missing = new ArrayList<>();
    for (String name : names(entry.machine())) {
      try {
        Path path = entry.resolve(name);
        if (!Files.isRegularFile(path)) {
          missing.add(path);
        }
      } catch (InvalidPathException _) {
        missing.add(entry.folder().resolve("?"));
      }
    }
    return missing;
  }

  /** Every file that a machine names. */
  private static List<String> names(MachineFile file) {
    List<String> names = new ArrayList<>();
    for (Disk disk : file.disks()) {
      names.add(disk.file());
      names.addAll(disk.layers());
    }
    for (String each : new String[] {file.cd(), file.floppyA(), file.floppyB()}) {
      if (each != null) {
        names.add(each);
      }
    }
    return names;
  }

  /** Makes the folder of a new machine; nothing is in it yet. */
  public Path newFolder(String name) throws IOException {
    Files.createDirectories(folder());
    String plain =
        name.strip()
            .toLowerCase(Locale.ROOT)
            .replaceAll("[^\\p{L}\\p{N}]+", "-")
            .replaceAll("^-+|-+$", "");
    String base =
        plain.isEmpty() ? "computer" : plain.substring(0, Math.min(LONGEST_FOLDER, plain.length()));
    for (int i = 1; ; i++) {
      Path candidate = folder().resolve(i == 1 ? base : base + "-" + i);
      if (!Files.exists(candidate)) {
        return Files.createDirectory(candidate);
      }
    }
  }

  /** Keeps a machine in {@code folder}; with it the machine is there. */
  public Entry save(Path folder, MachineFile file) throws IOException {
    MachineFile whole =
        file.created() == null ? file.withTimes(Instant.now(), file.lastUsed()) : file;
    JsonFile.write(folder.resolve(FILE), whole);
    return read(folder);
  }

  /** How a machine in {@code folder} names {@code file}. */
  public String nameFor(Path folder, Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    Path own = folder.toAbsolutePath().normalize();
    Path whole = together().toAbsolutePath().normalize();
    boolean within = absolute.startsWith(whole) && own.startsWith(whole);
    return (within || absolute.startsWith(own)
            ? own.relativize(absolute).toString()
            : absolute.toString())
        .replace('\\', '/');
  }

  /**
   * Adds a machine that runs {@code image} where it lies and never writes to it: what it writes is
   * kept in the machine's folder.
   */
  public Entry adopt(MachineFile draft, Path image) throws IOException {
    return adopt(draft, image, Answers.none());
  }

  /** As {@link #adopt(MachineFile, Path)}, with what was answered to questions of the image. */
  public Entry adopt(MachineFile draft, Path image, Answers answers) throws IOException {
    Path folder = newFolder(draft.name());
    try {
      Path layer = folder.resolve("changes-1.qcow2");
      Overlay.create(layer, image, OpenOptions.readOnly().withAnswers(answers), together());
      Disk disk =
          Disk.of(nameFor(folder, image), 0).withLayers(List.of(layer.getFileName().toString()));
      return save(folder, draft.withDisks(List.of(disk)));
    } catch (IOException | RuntimeException e) {
      deleteFolder(folder);
      throw e;
    }
  }

  /** Gives a machine another name. */
  public Entry rename(Entry entry, String name) throws IOException {
    return save(entry.folder(), entry.machine().withName(name.strip()));
  }

  /** The bytes that a machine's own folder takes. */
  public static long size(Entry entry) throws IOException {
    long size = 0;
    for (Path file : contents(entry)) {
      size += Files.size(file);
    }
    return size;
  }

  /** The files of a machine's folder: what removing it deletes. */
  public static List<Path> contents(Entry entry) throws IOException {
    if (!Files.isDirectory(entry.folder())) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(entry.folder())) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }

  /** The files outside of its folder that a machine uses: what removing it leaves. */
  public static List<Path> outside(Entry entry) {
    MachineFile file = entry.file();
    if (file == null) {
      return List.of();
    }
    return names(file).stream()
        .map(entry::resolve)
        .filter(path -> !path.startsWith(entry.folder()))
        .distinct()
        .toList();
  }

  /** Whether a machine's file names {@code file}, as a disk or as what one lies over. */
  public static boolean uses(Entry entry, Path file) {
    MachineFile machine = entry.file();
    Path plain = file.toAbsolutePath().normalize();
    return machine != null
        && names(machine).stream()
            .anyMatch(name -> entry.resolve(name).toAbsolutePath().normalize().equals(plain));
  }

  /** The names of the other machines whose disks lie over a file in this one's folder. */
  public List<String> dependents(Entry entry) throws IOException {
    List<String> names = new ArrayList<>();
    for (Entry other : list()) {
      if (!other.folder().equals(entry.folder())
          && outside(other).stream().anyMatch(path -> path.startsWith(entry.folder()))) {
        names.add(other.name());
      }
    }
    return names;
  }

  /** Deletes a machine's folder with everything in it, and nothing else. */
  public void remove(Entry entry) throws IOException {
    Path folder = entry.folder().toAbsolutePath().normalize();
    boolean elsewhere = places().folders(together()).contains(folder);
    if (!elsewhere && !folder.startsWith(folder().toAbsolutePath())) {
      throw new Problem("problem.remove.elsewhere", entry.folder());
    }
    List<String> others = dependents(entry);
    if (!others.isEmpty()) {
      throw new Problem("problem.remove.shared", entry.name(), String.join(", ", others));
    }
    // The machine's file goes first: a removal that is broken off leaves no half machine.
    Files.deleteIfExists(JsonFile.previous(entry.json()));
    Files.deleteIfExists(entry.json());
    if (Files.isDirectory(folder)) {
      deleteFolder(folder);
    }
    if (elsewhere) {
      JsonFile.write(data.places(), places().without(folder, together()));
    }
  }

  /** Deletes a folder with everything in it. */
  public static void deleteFolder(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(each);
      }
    }
  }

  /**
   * Makes a second machine that begins where this one is. Both lie over the same disks from now on
   * and write to layers of their own, so that it takes no space and no time.
   */
  public Entry duplicateAsOverlay(Entry entry, String name) throws IOException {
    return duplicateAsOverlay(entry, name, Answers.none());
  }

  /** As the other, with what was answered to questions that the disks raised. */
  public Entry duplicateAsOverlay(Entry entry, String name, Answers answers) throws IOException {
    Path copy = newFolder(name);
    List<Path> made = new ArrayList<>();
    try {
      List<Disk> mine = new ArrayList<>();
      List<Disk> theirs = new ArrayList<>();
      for (Disk disk : entry.machine().disks()) {
        Path top = entry.resolve(disk.top());
        if (disk.readOnly()) {
          mine.add(disk);
          theirs.add(renamed(disk, entry, copy));
          continue;
        }
        BackingPolicy below =
            disk.layers().isEmpty() ? BackingPolicy.SAME_FOLDER : trusted(entry, disk, answers);
        OpenOptions under = OpenOptions.readOnly().withBacking(below).withAnswers(answers);
        Path other = freeName(copy);
        if (!disk.layers().isEmpty() && !Layers.snapshots(top).isEmpty()) {
          // Under another layer its snapshots would be out of reach, so the copy gets its own.
          theirs.add(copied(entry, disk, top, null, other, answers, Progress.NONE));
          mine.add(disk);
          continue;
        }
        Path own = freeName(entry.folder());
        Overlay.create(own, top, under, together());
        made.add(own);
        Overlay.create(other, top, under, together());
        mine.add(disk.withLayers(plus(disk.layers(), own.getFileName().toString())));
        Disk moved = renamed(disk, entry, copy);
        theirs.add(moved.withLayers(plus(moved.layers(), other.getFileName().toString())));
      }
      Entry fresh = save(copy, copyOf(entry, copy, name).withDisks(theirs));
      save(entry.folder(), entry.machine().withDisks(mine));
      return fresh;
    } catch (IOException | RuntimeException e) {
      for (Path file : made) {
        Files.deleteIfExists(file);
      }
      deleteFolder(copy);
      throw e;
    }
  }

  /** The disk of a copy whose topmost layer is a copy of this one's; what lies below is shared. */
  private Disk copied(
      Entry entry,
      Disk disk,
      Path layer,
      @Nullable String snapshot,
      Path copy,
      Answers answers,
      Progress progress)
      throws IOException {
    List<String> under =
        layer.equals(entry.resolve(disk.top()))
            ? disk.layers().subList(0, disk.layers().size() - 1)
            : disk.layers();
    Disk lower = disk.withLayers(under);
    Path below = entry.resolve(lower.top());
    BackingPolicy policy =
        under.isEmpty() ? BackingPolicy.SAME_FOLDER : trusted(entry, lower, answers);
    OpenOptions reading = OpenOptions.readOnly().withBacking(policy).withAnswers(answers);
    Layers.copy(layer, snapshot, below, reading, copy, together(), progress);
    Disk moved = renamed(lower, entry, copy.getParent());
    return moved.withLayers(plus(moved.layers(), copy.getFileName().toString()));
  }

  /**
   * Makes a second machine that begins at a snapshot of this one; what lies below is shared. Where
   * the snapshot holds the machine and not only its disk, the new one's first start goes on there.
   *
   * @param layers the files that hold the snapshot, by the disk's unit
   * @param answers what was answered to questions that the disks raised
   */
  public Entry branch(
      Entry entry,
      Map<Integer, Path> layers,
      String snapshot,
      boolean withState,
      String name,
      Answers answers,
      Progress progress)
      throws IOException {
    Path copy = newFolder(name);
    try {
      List<Disk> theirs = new ArrayList<>();
      for (Disk disk : entry.machine().disks()) {
        Path layer = layers.get(disk.unit());
        theirs.add(
            layer == null
                ? renamed(disk, entry, copy)
                : copied(entry, disk, layer, snapshot, freeName(copy), answers, progress));
      }
      if (withState) {
        TimelineFile.empty()
            .saved(snapshot, TimelineFile.titleOf(entry.folder(), snapshot))
            .withResume(snapshot)
            .write(copy);
      }
      return save(copy, copyOf(entry, copy, name).withDisks(theirs));
    } catch (IOException | RuntimeException e) {
      deleteFolder(copy);
      throw e;
    }
  }

  /** Gives every disk that is written to a layer, where it has none. */
  public Entry layered(Entry entry) throws IOException {
    return layered(entry, Answers.none());
  }

  /** As {@link #layered(Entry)}, with what was answered to questions that the disks raised. */
  public Entry layered(Entry entry, Answers answers) throws IOException {
    List<Disk> disks = new ArrayList<>();
    boolean changed = false;
    for (Disk disk : entry.machine().disks()) {
      if (disk.readOnly() || disk.throwAway() || !disk.layers().isEmpty()) {
        disks.add(disk);
        continue;
      }
      Path layer = freeName(entry.folder());
      Overlay.create(
          layer,
          entry.resolve(disk.file()),
          OpenOptions.readOnly().withAnswers(answers),
          together());
      disks.add(disk.withLayers(List.of(layer.getFileName().toString())));
      changed = true;
    }
    return changed ? save(entry.folder(), entry.machine().withDisks(disks)) : entry;
  }

  static List<String> plus(List<String> names, String name) {
    List<String> more = new ArrayList<>(names);
    more.add(name);
    return more;
  }

  static Path freeName(Path folder) {
    for (int i = 1; ; i++) {
      Path candidate = folder.resolve("changes-" + i + ".qcow2");
      if (!Files.exists(candidate)) {
        return candidate;
      }
    }
  }

  private Disk renamed(Disk disk, Entry from, Path to) {
    return disk.withFile(nameFor(to, from.resolve(disk.file())))
        .withLayers(disk.layers().stream().map(layer -> nameFor(to, from.resolve(layer))).toList());
  }

  private MachineFile copyOf(Entry entry, Path copy, String name) {
    MachineFile file = entry.machine();
    return file.withName(name)
        .withMedia(
            moved(file.cd(), entry, copy),
            moved(file.floppyA(), entry, copy),
            moved(file.floppyB(), entry, copy))
        .withTimes(Instant.now(), null);
  }

  private @Nullable String moved(@Nullable String file, Entry from, Path to) {
    return file == null ? null : nameFor(to, from.resolve(file));
  }

  /**
   * Makes a second machine with files of its own: every disk, with all that lies below it, becomes
   * one file in the copy's folder.
   */
  public Entry duplicateInFull(Entry entry, String name, Progress progress) throws IOException {
    return duplicateInFull(entry, name, Answers.none(), progress);
  }

  /** As the other, with what was answered to questions that the disks raised. */
  public Entry duplicateInFull(Entry entry, String name, Answers answers, Progress progress)
      throws IOException {
    Path copy = newFolder(name);
    try {
      List<Disk> theirs = new ArrayList<>();
      int number = 1;
      for (Disk disk : entry.machine().disks()) {
        String file = "disk-" + number++ + ".qcow2";
        try (OpenedImage source = open(entry, disk, answers)) {
          Conversion.run(source, copy.resolve(file), "qcow2", false, progress);
        }
        theirs.add(disk.withFile(file).withLayers(List.of()));
      }
      return save(copy, copyOf(entry, copy, name).withDisks(theirs));
    } catch (IOException | RuntimeException e) {
      deleteFolder(copy);
      throw e;
    }
  }

  /**
   * Gives a machine {@code file}, which lies over no other, in the place of one of its disks. What
   * the disk consisted of before stays where it is.
   */
  public Entry replaceDisk(Entry entry, Disk disk, Path file) throws IOException {
    List<Disk> disks =
        entry.machine().disks().stream()
            .map(
                each ->
                    each.unit() == disk.unit()
                        ? each.withFile(nameFor(entry.folder(), file)).withLayers(List.of())
                        : each)
            .toList();
    return save(entry.folder(), entry.machine().withDisks(disks));
  }

  /** Opens a disk as the machine has it, to be read. */
  public static OpenedImage open(Entry entry, Disk disk) throws IOException {
    return open(entry, disk, Answers.none());
  }

  /** As {@link #open(Entry, Disk)}, with what was answered to questions that it raised. */
  public static OpenedImage open(Entry entry, Disk disk, Answers answers) throws IOException {
    BackingPolicy policy =
        disk.layers().isEmpty() ? BackingPolicy.SAME_FOLDER : trusted(entry, disk, answers);
    return Images.open(
        entry.resolve(disk.top()), OpenOptions.readOnly().withBacking(policy).withAnswers(answers));
  }

  /**
   * Proves that a disk's layers lie over one another as the machine's file says, and that its image
   * brings along no backing file from elsewhere; then all of them may be opened.
   *
   * @throws IOException if that is not so
   */
  public static BackingPolicy trusted(Entry entry, Disk disk) throws IOException {
    return trusted(entry, disk, Answers.none());
  }

  /** As {@link #trusted(Entry, Disk)}, with what was answered to questions that it raised. */
  public static BackingPolicy trusted(Entry entry, Disk disk, Answers answers) throws IOException {
    Path below = entry.resolve(disk.file());
    Images.open(below, OpenOptions.readOnly().withLocking(false).withAnswers(answers)).close();
    for (String layer : disk.layers()) {
      Path path = entry.resolve(layer);
      try (OpenedImage image =
          Images.open(
              path, OpenOptions.readOnly().withLocking(false).withBacking(BackingPolicy.NONE))) {
        var device = (io.satchel.image.format.LayeredDevice) image.device();
        var reference = device.backing();
        if (reference == null
            || !Files.isSameFile(Images.resolve(path, reference.name(), "backing file"), below)) {
          throw new Problem("problem.layer.other", path, below);
        }
      }
      below = path;
    }
    return BackingPolicy.ANYWHERE;
  }

  /** Copies a file into a machine's folder, telling how far it is. */
  public static Path copyInto(Path folder, Path file, Progress progress) throws IOException {
    Path target = folder.resolve(file.getFileName().toString());
    long total = Files.size(file);
    long done = 0;
    byte[] chunk = new byte[COPY_CHUNK];
    try (InputStream in = Files.newInputStream(file);
        OutputStream out = Files.newOutputStream(target, StandardOpenOption.CREATE_NEW)) {
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        out.write(chunk, 0, n);
        done += n;
        if (!progress.at(done, total)) {
          throw new Cancelled();
        }
      }
    } catch (IOException e) {
      Files.deleteIfExists(target);
      throw e;
    }
    return target;
  }

  /** Puts the previous file of a machine back; the present one becomes the previous. */
  public Entry restorePrevious(Entry entry) throws IOException {
    MachineFile previous =
        JsonFile.read(JsonFile.previous(entry.json()), MachineFile.class, MachineFile.VERSION);
    return save(entry.folder(), previous);
  }
}
