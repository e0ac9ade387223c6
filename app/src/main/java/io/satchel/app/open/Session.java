package io.satchel.app.open;

import io.satchel.app.common.Problem;
import io.satchel.app.common.Waiting;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.fs.IsoBuilder;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineConfig.Flash;
import io.satchel.vm.api.MachineConfig.Kernel;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.machine.PcMachine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A machine with its media: opens what a {@link RunRequest} names, puts each into its drive, and
 * afterwards keeps or throws away what was written.
 *
 * <p>Files that were picked are not written to: hard disks and floppies run on an overlay.
 */
public final class Session implements AutoCloseable {

  /** The secondary channel's first device, where a PC of the time had its CD drive. */
  private static final int CD_UNIT = 2;

  private static final int[] DISK_UNITS = {0, 1, 3};

  /** RAM is one Java array beside 64 MiB of ROM and video memory. */
  private static final int MAX_MEMORY_MIB = 1984;

  private final RunRequest request;
  private final List<Slot> slots;
  private final Listeners listeners = new Listeners();
  private final List<Drive> drives = new ArrayList<>();
  private final List<BlockDevice> opened = new CopyOnWriteArrayList<>();
  private final List<Path> files = new CopyOnWriteArrayList<>();
  private final List<Path> written = new ArrayList<>();
  private final Object flushing = new Object();
  private @Nullable Path scratch;
  private @Nullable Path created;
  private @Nullable Machine machine;
  private volatile boolean closed;

  private Session(RunRequest request, List<Slot> slots) {
    this.request = request;
    this.slots = List.copyOf(slots);
  }

  /**
   * Opens everything and builds the machine; it is not started.
   *
   * @throws IOException in one sentence: which file, what is wrong, what to do. Nothing is left
   *     open or behind.
   */
  public static Session open(RunRequest request, MachineEvents listener) throws IOException {
    return open(request, List.of(), listener);
  }

  /**
   * As {@link #open(RunRequest, MachineEvents)}, with drives of a machine that is kept beside what
   * the request itself names.
   */
  public static Session open(RunRequest request, List<Slot> slots, MachineEvents listener)
      throws IOException {
    Session session = new Session(request, slots);
    session.listeners.add(listener);
    try {
      session.build();
      return session;
    } catch (IOException | RuntimeException e) {
      session.close();
      session.removeCreated();
      throw e;
    }
  }

  private void build() throws IOException {
    checkMemory();
    checkFile(request.bios(), "firmware");
    checkFile(request.vgaBios(), "firmware");
    checkFile(request.pflash(), "firmware");
    checkFile(request.pflashVariables(), "variables");
    checkFile(request.kernel(), "kernel");
    checkFile(request.initrd(), "initrd");
    int disks = 0;
    int floppies = 0;
    @Nullable DriveKind first = null;
    Path image = request.image();
    if (image != null) {
      first = bootKind(image);
      switch (first) {
        case CD -> drives.add(new Drive(DriveKind.CD, CD_UNIT, readOnly(image)));
        case FLOPPY -> drives.add(new Drive(DriveKind.FLOPPY, floppies++, changeable(image, true)));
        case HARD_DISK ->
            drives.add(
                new Drive(DriveKind.HARD_DISK, DISK_UNITS[disks++], changeable(image, true)));
      }
    }
    for (Path disk : request.disks()) {
      if (disks == DISK_UNITS.length) {
        throw new Problem("problem.disks.many", disk, DISK_UNITS.length);
      }
      drives.add(new Drive(DriveKind.HARD_DISK, DISK_UNITS[disks++], changeable(disk, false)));
    }
    Path cd = request.cdrom();
    if (cd != null) {
      if (first == DriveKind.CD) {
        throw new Problem("problem.cds.many", cd);
      }
      drives.add(new Drive(DriveKind.CD, CD_UNIT, readOnly(cd)));
    } else if (first != DriveKind.CD && slots.isEmpty()) {
      drives.add(new Drive(DriveKind.CD, CD_UNIT, null));
    }
    for (Path floppy : request.floppies()) {
      if (floppies == 2) {
        throw new Problem("problem.floppies.many", floppy);
      }
      if (!ImageKinds.fitsFloppy(floppy)) {
        throw notAFloppy(floppy);
      }
      drives.add(new Drive(DriveKind.FLOPPY, floppies++, changeable(floppy, false)));
    }
    for (Slot slot : slots) {
      drives.add(new Drive(slot.kind(), slot.unit(), medium(slot), slot.serial()));
    }
    if (floppies == 0 && slots.isEmpty()) {
      drives.add(new Drive(DriveKind.FLOPPY, 0, null));
    }
    Path kernel = request.kernel();
    MachineConfig config =
        MachineConfig.standard()
            .withMemoryMib(request.memoryMib())
            .withCpuModel(request.cpuModel())
            .withDrives(drives)
            .withBootOrder(bootOrder(first))
            .withBootMenu(request.bootMenu())
            .withBios(request.bios(), request.vgaBios())
            .withKernel(
                kernel == null
                    ? null
                    : new Kernel(kernel, request.kernelArguments(), request.initrd()))
            .withClock(request.clock())
            .withDate(request.date())
            .withExitPort(request.exitPort())
            .withProcessors(request.processors())
            .withFlash(flash())
            .withSpeed(request.speed());
    try {
      machine = new PcMachine(config, listeners);
    } catch (IllegalArgumentException e) {
      // A name that the engine does not know, such as a processor's; its message lists those it
      // does.
      throw new Problem("problem.hardware.unknown", e, String.valueOf(e.getMessage()));
    }
  }

  private void checkMemory() throws IOException {
    int wanted = request.memoryMib();
    if (wanted < 1 || wanted > MAX_MEMORY_MIB) {
      throw new Problem(
          "problem.memory.range", String.valueOf(wanted), String.valueOf(MAX_MEMORY_MIB));
    }
    long host =
        ManagementFactory.getOperatingSystemMXBean()
                instanceof com.sun.management.OperatingSystemMXBean system
            ? system.getTotalMemorySize() >>> 20
            : Long.MAX_VALUE;
    long available = Math.min(host, Runtime.getRuntime().maxMemory() >>> 20);
    if (wanted > available - 128) {
      throw new Problem(
          "problem.memory.host",
          String.valueOf(wanted),
          String.valueOf(Math.max(0, available - 128)));
    }
  }

  /** Firmware in flash memory, and a copy of its variables that goes with the kept overlay. */
  private @Nullable Flash flash() throws IOException {
    Path code = request.pflash();
    if (code == null) {
      return null;
    }
    Path original = request.pflashVariables();
    if (original == null) {
      return new Flash(code, null);
    }
    Path overlay = request.overlay();
    Path copy =
        overlay == null
            ? scratch().resolve("variables.fd")
            : overlay.resolveSibling(overlay.getFileName() + ".variables.fd");
    if (!Files.exists(copy)) {
      Files.copy(original, copy);
      copy.toFile().setWritable(true);
    }
    OpenOptions options = OpenOptions.forWriting().withFormat("raw");
    return new Flash(code, track(Images.open(copy, options)));
  }

  private static void checkFile(@Nullable Path file, String what) throws IOException {
    if (file == null) {
      return;
    }
    if (!Files.exists(file)) {
      throw new Problem("problem." + what + ".missing", file);
    }
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new Problem("problem." + what + ".unreadable", file);
    }
  }

  private DriveKind bootKind(Path image) throws IOException {
    try (OpenedImage look = Images.open(image, reading())) {
      DriveKind kind = ImageKinds.of(look);
      boolean startsElsewhere =
          request.kernel() != null || !request.disks().isEmpty() || !request.floppies().isEmpty();
      if (kind == DriveKind.CD && !startsElsewhere && !ImageKinds.bootableCd(look.device())) {
        throw new Problem("problem.cd.bootless", image);
      }
      return kind;
    }
  }

  private @Nullable BlockDevice medium(Slot slot) throws IOException {
    Path file = slot.file();
    if (file == null) {
      return null;
    }
    if (slot.kind() == DriveKind.FLOPPY && !ImageKinds.fitsFloppy(file)) {
      throw notAFloppy(file);
    }
    return switch (slot.writing()) {
      case REFUSED -> track(Images.open(file, reading().withBacking(slot.backing())));
      case KEPT -> {
        written.add(file);
        yield track(
            Images.open(file, writing().withBacking(slot.backing()).withCache(slot.cache())));
      }
      case THROWN_AWAY -> {
        Path overlay = scratch().resolve(opened.size() + ".qcow2");
        Overlay.create(overlay, file, reading().withBacking(slot.backing()), scratch());
        yield track(
            Images.open(
                overlay,
                writing()
                    .withBacking(
                        slot.backing() == BackingPolicy.ANYWHERE
                            ? BackingPolicy.ANYWHERE
                            : BackingPolicy.OVERLAY)
                    .withCache(OpenOptions.CacheMode.UNSAFE)));
      }
    };
  }

  private OpenOptions reading() {
    return OpenOptions.readOnly().withAnswers(request.answers());
  }

  private OpenOptions writing() {
    return OpenOptions.forWriting().withAnswers(request.answers());
  }

  private static IOException notAFloppy(Path file) {
    return new Problem("problem.floppy.size", file);
  }

  private BlockDevice readOnly(Path file) throws IOException {
    return track(Images.open(file, reading()));
  }

  /**
   * Opens a medium that the guest may write: the file itself if that was asked for, else an overlay
   * over it.
   */
  private BlockDevice changeable(Path file, boolean main) throws IOException {
    if (request.write()) {
      written.add(file);
      return track(Images.open(file, writing()));
    }
    Path kept = main ? request.overlay() : null;
    Path overlay = kept != null ? kept : scratch().resolve(opened.size() + ".qcow2");
    written.add(overlay);
    // Names the picked file's own troubles before the overlay's.
    ImageKinds.of(file, request.answers());
    if (!Files.exists(overlay)) {
      Overlay.create(overlay, file, reading());
      created = kept;
    }
    OpenOptions options = Overlay.openOptions().withAnswers(request.answers());
    OpenedImage image =
        Images.open(
            overlay, kept == null ? options.withCache(OpenOptions.CacheMode.UNSAFE) : options);
    BlockDevice device = track(image);
    if (kept != null) {
      checkChain(image, file);
    }
    return device;
  }

  /** An overlay belongs to one image: over another one it would be nonsense. */
  private static void checkChain(OpenedImage overlay, Path image) throws IOException {
    for (OpenedImage.Layer layer : overlay.chain()) {
      if (Files.isSameFile(layer.path(), image)) {
        return;
      }
    }
    throw new Problem("problem.overlay.other", overlay.path(), image);
  }

  private BlockDevice track(OpenedImage image) {
    image.chain().forEach(layer -> files.add(layer.path()));
    return track(image.device());
  }

  private BlockDevice track(BlockDevice device) {
    opened.add(device);
    return device;
  }

  private Path scratch() throws IOException {
    Path folder = scratch;
    if (folder == null) {
      folder = Files.createTempDirectory("satchel");
      scratch = folder;
    }
    return folder;
  }

  private List<BootDevice> bootOrder(@Nullable DriveKind first) {
    if (!request.bootOrder().isEmpty()) {
      return request.bootOrder();
    }
    List<BootDevice> order = new ArrayList<>();
    if (first != null) {
      order.add(
          switch (first) {
            case CD -> BootDevice.CD;
            case FLOPPY -> BootDevice.FLOPPY;
            case HARD_DISK -> BootDevice.HARD_DISK;
          });
    } else if (request.cdrom() != null && request.disks().isEmpty()) {
      order.add(request.floppies().isEmpty() ? BootDevice.CD : BootDevice.FLOPPY);
    }
    for (BootDevice other : BootDevice.values()) {
      if (!order.contains(other)) {
        order.add(other);
      }
    }
    return order;
  }

  public Machine machine() {
    Machine built = machine;
    if (built == null) {
      throw new IllegalStateException("not built");
    }
    return built;
  }

  /** The IDE unit of the CD drive. */
  public int cdUnit() {
    return CD_UNIT;
  }

  /** What the person picked to start from. */
  public RunRequest request() {
    return request;
  }

  /** Hears what the machine tells, from now on. */
  public void listen(MachineEvents listener) {
    listeners.add(listener);
  }

  /** Puts another CD or floppy in. */
  public void insert(DriveKind kind, int unit, Path file) throws IOException {
    boolean fits =
        kind == DriveKind.CD
            ? ImageKinds.of(file) != DriveKind.FLOPPY
            : ImageKinds.fitsFloppy(file);
    if (!fits) {
      throw kind == DriveKind.CD ? new Problem("problem.cd.none", file) : notAFloppy(file);
    }
    machine()
        .changeMedia(kind, unit, kind == DriveKind.CD ? readOnly(file) : changeable(file, false));
  }

  /**
   * Makes a CD of files and folders of the host and puts it in. They are read while the guest reads
   * the CD.
   *
   * @throws IOException if they cannot be read or do not fit on a CD's file system
   */
  public void insertFiles(String label, List<Path> files) throws IOException {
    machine().changeMedia(DriveKind.CD, CD_UNIT, track(IsoBuilder.of(label, files, Instant.now())));
  }

  /** Whether it has {@code file} open, as a medium or below one. */
  public boolean uses(Path file) {
    Path plain = file.toAbsolutePath().normalize();
    return files.stream().anyMatch(each -> each.toAbsolutePath().normalize().equals(plain));
  }

  /** The files that its disks and floppies are written to, in the order of their drives. */
  public List<Path> writtenFiles() {
    return List.copyOf(written);
  }

  /**
   * Makes the machine, which is not started yet, one that starts at a snapshot. A floppy's changes
   * were thrown away with the run that saved it, so that the floppy is as it is in its file.
   *
   * @throws IOException if the snapshot is of another machine, or cannot be read
   */
  public void startFrom(String snapshot) throws IOException {
    for (Drive drive : drives) {
      BlockDevice media = drive.media();
      Qcow2Device image =
          drive.kind() == DriveKind.FLOPPY && media != null ? Images.qcow2(media) : null;
      if (image != null && !image.readOnly()) {
        image.snapshots().create(snapshot, Instant.now(), 0, 0);
      }
    }
    Waiting.on(machine().restore(snapshot));
  }

  /**
   * From now on what the guest has written reaches its files at least so often, whether the guest
   * asks for it or not, so that a program that is killed loses no more than that.
   */
  public void flushEvery(Duration interval) {
    Thread.ofVirtual()
        .name("satchel-flush")
        .start(
            () -> {
              long flushed = 0;
              while (!closed) {
                try {
                  Thread.sleep(interval);
                } catch (InterruptedException _) {
                  return;
                }
                long written = machine().status().diskWrittenBytes();
                if (written != flushed && flush()) {
                  flushed = written;
                }
              }
            });
  }

  private boolean flush() {
    synchronized (flushing) {
      try {
        for (BlockDevice device : opened) {
          if (!closed && !device.readOnly()) {
            device.flush();
          }
        }
        return true;
      } catch (IOException e) {
        // The guest hears of it with its own next flush; this one was nobody's.
        System.getLogger(Session.class.getName())
            .log(System.Logger.Level.DEBUG, "flushing a medium", e);
        return false;
      }
    }
  }

  /** Ends the machine, closes the media, removes what was only for this run. */
  @Override
  public void close() {
    synchronized (flushing) {
      if (closed) {
        return;
      }
      closed = true;
    }
    if (machine != null) {
      machine.close();
    }
    for (BlockDevice device : opened) {
      try {
        device.close();
      } catch (IOException e) {
        System.getLogger(Session.class.getName())
            .log(System.Logger.Level.WARNING, "closing a medium", e);
      }
    }
    removeScratch();
  }

  private void removeCreated() {
    if (created != null) {
      try {
        Files.deleteIfExists(created);
      } catch (IOException e) {
        System.getLogger(Session.class.getName())
            .log(System.Logger.Level.WARNING, "removing " + created, e);
      }
    }
  }

  private void removeScratch() {
    Path folder = scratch;
    if (folder == null) {
      return;
    }
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      System.getLogger(Session.class.getName())
          .log(System.Logger.Level.WARNING, "removing " + folder, e);
    }
  }

  /** Passes on to all. */
  private static final class Listeners implements MachineEvents {
    private final List<MachineEvents> all = new CopyOnWriteArrayList<>();

    void add(MachineEvents listener) {
      all.add(listener);
    }

    @Override
    public void stateChanged(MachineState state) {
      all.forEach(listener -> listener.stateChanged(state));
    }

    @Override
    public void ended(End end) {
      all.forEach(listener -> listener.ended(end));
    }

    @Override
    public void serial(int value) {
      all.forEach(listener -> listener.serial(value));
    }

    @Override
    public void debug(int value) {
      all.forEach(listener -> listener.debug(value));
    }

    @Override
    public void post(int value) {
      all.forEach(listener -> listener.post(value));
    }
  }
}
