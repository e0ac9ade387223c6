package io.satchel.vm.machine;

import io.satchel.image.block.BlockDevice;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.MachineEvents.Cause;
import io.satchel.vm.api.MachineEvents.End;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.api.Meter;
import io.satchel.vm.api.Saving;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.PollWatch;
import io.satchel.vm.device.ApicBus;
import io.satchel.vm.device.AtaDisk;
import io.satchel.vm.device.AtaUnit;
import io.satchel.vm.device.AtapiDrive;
import io.satchel.vm.device.Board;
import io.satchel.vm.device.Cmos;
import io.satchel.vm.device.CoprocessorErrorPort;
import io.satchel.vm.device.DebugPorts;
import io.satchel.vm.device.Device;
import io.satchel.vm.device.Dma8237;
import io.satchel.vm.device.Flash;
import io.satchel.vm.device.FloppyController;
import io.satchel.vm.device.FwCfg;
import io.satchel.vm.device.Hpet;
import io.satchel.vm.device.I440fx;
import io.satchel.vm.device.I8042;
import io.satchel.vm.device.IdeController;
import io.satchel.vm.device.IoApic;
import io.satchel.vm.device.LocalApic;
import io.satchel.vm.device.OrGate;
import io.satchel.vm.device.Pic8259;
import io.satchel.vm.device.Piix3;
import io.satchel.vm.device.PiixPm;
import io.satchel.vm.device.Pit8254;
import io.satchel.vm.device.Port92;
import io.satchel.vm.device.Uart16550;
import io.satchel.vm.device.Vga;
import io.satchel.vm.firmware.Bios;
import io.satchel.vm.firmware.DriveBay;
import io.satchel.vm.firmware.RomImage;
import io.satchel.vm.host.AudioSink;
import io.satchel.vm.host.BlockBackend;
import io.satchel.vm.host.DiskBackend;
import io.satchel.vm.host.Inbox;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.Screen;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.snapshot.MachineShape;
import io.satchel.vm.snapshot.MachineState.Turns;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The PC: an i440FX and PIIX3 board with a PIIX4's power management. The constructor is the wiring
 * list; everything below it passes a wish on to the machine's thread.
 */
public final class PcMachine implements Machine {

  private static final System.Logger LOG = System.getLogger(PcMachine.class.getName());

  private static final int MIB = 1 << 20;

  /** What the chipset shows at C0000h to FFFFFh while RAM is not shadowed there. */
  private static final int ROM_BYTES = 256 << 10;

  private static final int MAX_BIOS_BYTES = 16 * MIB;
  private static final int MAX_VARIABLES = 4 * MIB;
  private static final int FLOPPY_UNITS = 2;
  private static final int IDE_UNITS = 4;
  private static final int VGA_SLOT = 2;

  private final MachineConfig config;
  private final HostTime host;
  private final MachineEvents listener;
  private final Inbox inbox = new Inbox();
  private final EventQueue events = new EventQueue();
  private final VirtualClock clock;
  private final Board board;
  private final List<Processor> processors = new ArrayList<>();

  /** The bootstrap processor. */
  private final CpuState cpu;

  private final ApicBus apicBus;
  private final MachineLoop loop;
  private final SnapshotControl snapshots;
  private final BlockBackend.Traffic traffic = new BlockBackend.Traffic();
  private final List<Device<?>> devices = new ArrayList<>();
  private final OrGate a20;
  private final Cmos cmos;
  private final I8042 keyboardController;
  private final Uart16550 serial;
  private final PiixPm power;
  private final Vga vga;
  private final FloppyController floppies;
  private final @Nullable AtapiDrive[] cds = new @Nullable AtapiDrive[IDE_UNITS];
  private final @Nullable BlockBackend[] ideMedia = new @Nullable BlockBackend[IDE_UNITS];
  private final @Nullable BlockBackend[] floppyMedia = new @Nullable BlockBackend[FLOPPY_UNITS];
  private final @Nullable BlockBackend variables;
  private final @Nullable Bios bios;

  private volatile MachineState state = MachineState.OFF;
  private volatile AudioSink audio = AudioSink.NONE;
  private volatile boolean halted;
  private @Nullable Thread thread;
  private boolean resetWanted;
  private boolean initWanted;
  private boolean startWanted;
  private @Nullable End end;

  /** Wakes the processor that rests, if one does. */
  private EventQueue.@Nullable Event dozeEnd;

  /**
   * Builds the machine; it is off. The media of {@code config} belong to it from now on.
   *
   * @throws IOException if a firmware or kernel file cannot be read or used, in a sentence that
   *     names it
   */
  public PcMachine(MachineConfig config, MachineEvents listener) throws IOException {
    this(config, listener, HostTime.SYSTEM);
  }

  /** One that goes by another host's time. */
  PcMachine(MachineConfig config, MachineEvents listener, HostTime host) throws IOException {
    this.config = config;
    this.host = host;
    this.listener = listener;
    MachineConfig.Flash flash = config.flash();
    byte @Nullable [] biosFile = firmware(flash == null ? config.bios() : flash.code());
    byte @Nullable [] vgaBios = firmware(config.vgaBios());
    int ram = config.memoryMib() * MIB;
    int highRom = biosFile == null ? 0 : RomImage.hostBytes(biosFile);
    int flashBytes = flashBytes(flash);
    GuestMemory memory =
        new GuestMemory(ram, Vga.hostBytes(vgaBios) + ROM_BYTES + highRom + flashBytes);
    AddressMap map = new AddressMap(memory);
    IoPorts ports = new IoPorts();
    PciBus pci = new PciBus(ports, map);
    CpuModel model = CpuModel.named(config.cpuModel());
    for (int number = 0; number < config.processors(); number++) {
      CpuState state = new CpuState(new Mmu(map), ports, model);
      processors.add(
          new Processor(number, state, config.clock() == Clock.INSTRUCTIONS, this::requestInit));
    }
    Mmu.join(processors.stream().map(processor -> processor.cpu.mmu).toList());
    cpu = processors.getFirst().cpu;
    MachineLoop.InstructionClock counting =
        new MachineLoop.InstructionClock(processors, config.clock() == Clock.INSTRUCTIONS);
    clock =
        config.clock() == Clock.INSTRUCTIONS
            ? VirtualClock.following(counting::nanos)
            : VirtualClock.steady(
                host::nanos, MachineLoop.LONGEST_STEP, () -> MachineLoop.work(processors));
    processors.forEach(processor -> processor.cpu.tsc = clock::nanos);
    processors.forEach(processor -> processor.cpu.yields = processors.size() > 1);
    if (config.clock() == Clock.INSTRUCTIONS) {
      // RDRAND must not be what makes two runs differ.
      processors.forEach(processor -> processor.cpu.random = new Random(0)::nextLong);
    }
    board = new Board(ports, map, pci, clock, events);
    map.mapMemory(0, Math.min(ram, 0xA0000), 0);
    if (ram > MIB) {
      map.mapMemory(MIB, ram - MIB, MIB);
    }
    int rom = memory.allocate(ROM_BYTES);

    // The wiring list: each device, and whom its lines go to.
    a20 = new OrGate(open -> processors.forEach(processor -> processor.cpu.setA20(open)));
    apicBus = new ApicBus(board);
    LateLine intr = new LateLine();
    Pic8259 pic = add(new Pic8259(board, intr));
    for (int number = 0; number < processors.size(); number++) {
      Processor processor = processors.get(number);
      processor.connect(add(new LocalApic(board, apicBus, number, processor, pic)));
    }
    intr.target = processors.getFirst().apic().lint0();
    IoApic ioApic = add(new IoApic(board, apicBus));
    Piix3 piix3 = add(new Piix3(board, pic, ioApic, this::requestInit, this::requestReset));
    add(new I440fx(board, rom, piix3.resetControl()));
    power = add(new PiixPm(board, piix3.isa(9), this::sleep));
    Hpet hpet = add(new Hpet(board, piix3.isa(0), piix3.isa(8), ioApic));
    add(new Pit8254(board, hpet.timerLine(), hertz -> audio.speaker(hertz)));
    LocalDateTime date = config.date() == null ? LocalDateTime.now() : config.date();
    cmos = add(new Cmos(board, hpet.clockLine(), date));
    keyboardController =
        add(new I8042(board, piix3.isa(1), piix3.isa(12), a20.input(), this::requestInit));
    add(new Port92(board, a20.input(), this::requestInit));
    serial = add(new Uart16550(board, "com1", 0x3F8, piix3.isa(4), listener::serial));
    add(
        new DebugPorts(
            board, listener::post, listener::debug, config.exitPort() ? this::exit : null));
    cpu.ferr = piix3.isa(13);
    add(new CoprocessorErrorPort(board, this::ignoreCoprocessorError));
    Dma8237 dma = add(new Dma8237(ports, map));
    int floppyDrives =
        (int) config.drives().stream().filter(drive -> drive.kind() == DriveKind.FLOPPY).count();
    floppies = add(new FloppyController(board, dma, piix3.isa(6), floppyDrives));
    @Nullable AtaUnit[] units = new @Nullable AtaUnit[IDE_UNITS];
    for (Drive drive : config.drives()) {
      build(drive, units);
    }
    IdeController ide =
        add(
            new IdeController(
                board, piix3.isa(14), piix3.isa(15), units[0], units[1], units[2], units[3]));
    pci.plug(1, 1, ide.function());
    vga = add(new Vga(board, vgaBios));
    pci.plug(VGA_SLOT, 0, vga.pciFunction());
    List<DriveBay.Unit> slots = config.drives().stream().<DriveBay.Unit>map(Slot::new).toList();
    cmos.setUp(ram, floppyType(slots, 0), floppyType(slots, 1));
    cmos.set(Cmos.PROCESSORS, processors.size() - 1);
    if (biosFile == null) {
      bios = add(new Bios(board, cpu, () -> slots, config, rom));
      bios.others(processors.stream().skip(1).map(processor -> processor.cpu).toList());
    } else {
      bios = null;
      FwCfg fwCfg = add(new FwCfg(board, ram, processors.size()));
      fwCfg.memoryMap(List.of(new FwCfg.Range(0, ram, FwCfg.Range.RAM)));
      fwCfg.bootMenu(config.bootMenu());
      fwCfg.bootOrder(bootOrder());
      RomImage.map(map, biosFile, memory.allocate(highRom), rom);
    }
    BlockDevice stored = flash == null ? null : flash.variables();
    variables = stored == null ? null : backend(stored, "flash");
    if (variables != null) {
      long base = (1L << 32) - highRom - flashBytes;
      add(new Flash(board, variables, base, memory.allocate(flashBytes)));
    }

    // A run that is to be repeated executes everything; several processors wait for one another.
    boolean rests = config.clock() == Clock.HOST && processors.size() == 1;
    if (rests) {
      cpu.polls = new PollWatch(cpu, new Sleeper());
    }
    snapshots =
        new SnapshotControl(
            new SnapshotHost(),
            processors.stream().map(processor -> processor.cpu).toList(),
            devices(),
            vga,
            map,
            clock,
            events,
            inbox);
    loop =
        new MachineLoop(
            processors,
            clock,
            events,
            inbox,
            counting,
            new LoopControl(),
            host,
            rests ? new SpinProbe(ports) : null);
    loop.hold(config.speed());
    resetAll();
  }

  private <D extends Device<?>> D add(D device) {
    devices.add(device);
    return device;
  }

  /** All devices, in the order of the wiring list; for tests and snapshots. */
  List<Device<?>> devices() {
    return List.copyOf(devices);
  }

  Board board() {
    return board;
  }

  CpuState cpu() {
    return cpu;
  }

  private void build(Drive drive, @Nullable AtaUnit[] units) {
    int unit = drive.unit();
    BlockDevice medium = drive.media();
    String given = drive.serial();
    String serialNumber = given == null ? "SATCHEL%04d".formatted(unit + 1) : given;
    switch (drive.kind()) {
      case FLOPPY -> {
        floppyMedia[unit] = medium == null ? null : backend(medium, "floppy " + unit);
        floppies.insert(unit, floppyMedia[unit]);
      }
      case CD -> {
        AtapiDrive cd = add(new AtapiDrive("cd" + unit, board, timing(), serialNumber));
        cds[unit] = cd;
        units[unit] = cd;
        ideMedia[unit] = medium == null ? null : backend(medium, "cd " + unit);
        cd.insert(ideMedia[unit]);
      }
      case HARD_DISK -> {
        if (medium == null) {
          throw new IllegalArgumentException("a hard disk has a medium");
        }
        BlockBackend disk = backend(medium, "disk " + unit);
        ideMedia[unit] = disk;
        units[unit] = add(new AtaDisk("disk" + unit, board, timing(), disk, serialNumber));
      }
    }
  }

  private AtaUnit.Timing timing() {
    return config.clock() == Clock.INSTRUCTIONS ? AtaUnit.Timing.REPEATABLE : AtaUnit.Timing.HOST;
  }

  private BlockBackend backend(BlockDevice medium, String name) {
    BlockBackend backend =
        config.clock() == Clock.INSTRUCTIONS
            ? BlockBackend.immediate(medium, traffic, events, clock)
            : BlockBackend.threaded(medium, name, traffic, inbox);
    backend.onFailure(failure -> LOG.log(System.Logger.Level.WARNING, name, failure));
    return backend;
  }

  /** Bytes of flash memory that can be written. */
  private static int flashBytes(MachineConfig.@Nullable Flash flash) throws IOException {
    BlockDevice variables = flash == null ? null : flash.variables();
    if (variables == null) {
      return 0;
    }
    long size = variables.size();
    if (size == 0 || size > MAX_VARIABLES || size % Flash.BLOCK != 0) {
      throw new IOException(
          "The firmware's variables have "
              + size
              + " bytes, which no flash memory has; choose the file that came with the firmware.");
    }
    return (int) size;
  }

  private static byte @Nullable [] firmware(@Nullable Path file) throws IOException {
    if (file == null) {
      return null;
    }
    long size = Files.size(file);
    if (size == 0 || size > MAX_BIOS_BYTES) {
      throw new IOException(
          "The firmware "
              + file
              + " has "
              + size
              + " bytes, which no PC firmware has; choose another file.");
    }
    return Files.readAllBytes(file);
  }

  private void ignoreCoprocessorError() {
    cpu.ignne = true;
    cpu.ferr.lower();
  }

  /** The drives in the order in which firmware is to try them, as Open Firmware names them. */
  private List<String> bootOrder() {
    List<String> paths = new ArrayList<>();
    for (BootDevice kind : config.bootOrder()) {
      for (Drive drive : config.drives()) {
        if (drive.kind().name().equals(kind.name())) {
          int unit = drive.unit();
          paths.add(
              kind == BootDevice.FLOPPY
                  ? "/pci@i0cf8/isa@1/fdc@03f0/floppy@" + unit
                  : "/pci@i0cf8/ide@1,1/drive@%d/disk@%d".formatted(unit / 2, unit % 2));
        }
      }
    }
    return paths;
  }

  /** A drive's type as CMOS has it, 0 when it is absent. */
  private static int floppyType(List<DriveBay.Unit> slots, int number) {
    return slots.stream()
        .filter(slot -> slot.kind() == DriveBay.Kind.FLOPPY && slot.number() == number)
        .mapToInt(DriveBay.Unit::floppyType)
        .findFirst()
        .orElse(0);
  }

  /** The 8259's output exists before the local APIC that it goes to. */
  private static final class LateLine implements IrqLine {
    private IrqLine target = IrqLine.UNCONNECTED;

    @Override
    public void set(boolean level) {
      target.set(level);
    }
  }

  /** A drive, as firmware reads it. */
  private final class Slot implements DriveBay.Unit {
    private final DriveBay.Kind kind;
    private final int number;

    Slot(Drive drive) {
      kind =
          switch (drive.kind()) {
            case FLOPPY -> DriveBay.Kind.FLOPPY;
            case CD -> DriveBay.Kind.CD;
            case HARD_DISK -> DriveBay.Kind.HARD_DISK;
          };
      number = drive.unit();
    }

    @Override
    public DriveBay.Kind kind() {
      return kind;
    }

    @Override
    public int number() {
      return number;
    }

    @Override
    public @Nullable DiskBackend medium() {
      return kind == DriveBay.Kind.FLOPPY ? floppyMedia[number] : ideMedia[number];
    }
  }

  private final class LoopControl implements MachineLoop.Control {
    @Override
    public boolean ended() {
      halted = processors.stream().allMatch(Processor::idle);
      settle();
      snapshots.perform();
      if (startWanted) {
        startWanted = false;
        clock.resume();
        enter(MachineState.RUNNING);
      }
      return end != null;
    }

    @Override
    public boolean paused() {
      return state != MachineState.RUNNING;
    }

    @Override
    public boolean diskAtWork() {
      for (BlockBackend medium : ideMedia) {
        if (medium != null && medium.outstanding() > 0) {
          return true;
        }
      }
      for (BlockBackend medium : floppyMedia) {
        if (medium != null && medium.outstanding() > 0) {
          return true;
        }
      }
      return false;
    }

    @Override
    public void doze(CpuState resting, long nanos) {
      PcMachine.this.doze(resting, nanos);
    }

    @Override
    public void running(Processor processor) {
      apicBus.running(processor.apic());
      if (bios != null) {
        bios.running(processor.cpu);
      }
    }

    @Override
    public void tripleFault(CpuState faulty) {
      if (resumes() || faulty.idtrLimit == 0) {
        // The board answers a shutdown with INIT. A 286's way back to real mode counts on it, and
        // so do systems that restart by an interrupt with an empty table. Any other is a crash.
        initWanted = true;
        return;
      }
      finish(
          new End(
              Cause.TRIPLE_FAULT,
              String.format(
                  "The computer crashed: its processor met a fault while it handled a fault, at"
                      + " %04x:%08x. Reset it, or try other hardware settings.",
                  faulty.shutdownCs, faulty.shutdownRip),
              1));
    }
  }

  /** What a processor that waits by asking needs of the machine. */
  private final class Sleeper implements PollWatch.Sleeper {
    @Override
    public void doze(long nanos) {
      PcMachine.this.doze(cpu, nanos);
    }

    @Override
    public long untilDisplayChange() {
      return vga.untilDisplayChange();
    }

    @Override
    public long now() {
      return clock.nanos();
    }
  }

  private void doze(CpuState resting, long nanos) {
    int pending = resting.pending() & ~CpuState.PENDING_KICK;
    if (!resting.dozing && (pending & resting.attentionMask()) == 0) {
      resting.dozingThrough = pending;
      EventQueue.Event before = dozeEnd;
      if (before != null) {
        events.cancel(before);
      }
      resting.dozing = true;
      dozeEnd = events.at(clock.nanos() + nanos, "doze", () -> resting.dozing = false);
      resting.kick();
    }
  }

  /** Does what is pending between two stretches of the processor. */
  private void settle() {
    if (initWanted) {
      initWanted = false;
      init();
    }
    if (resetWanted) {
      resetWanted = false;
      resetAll();
    }
  }

  /** The machine, as saving and restoring see it. */
  private final class SnapshotHost implements SnapshotControl.Host {
    @Override
    public MachineShape shape() {
      return new MachineShape(
          config.memoryMib(),
          board.memory().memory().pages(),
          config.cpuModel(),
          processors.size(),
          devices.stream().map(Device::name).toList());
    }

    @Override
    public List<SnapshotControl.Disk> writableDisks() {
      List<SnapshotControl.Disk> disks = new ArrayList<>();
      for (int unit = 0; unit < IDE_UNITS; unit++) {
        add(disks, ideMedia[unit], "hard disk " + unit);
      }
      for (int unit = 0; unit < FLOPPY_UNITS; unit++) {
        add(disks, floppyMedia[unit], "floppy disk in drive " + (char) ('A' + unit));
      }
      return disks;
    }

    private static void add(
        List<SnapshotControl.Disk> disks, @Nullable BlockBackend medium, String name) {
      if (medium != null && !medium.readOnly()) {
        disks.add(new SnapshotControl.Disk(name, medium));
      }
    }

    @Override
    public boolean running() {
      return state == MachineState.RUNNING;
    }

    @Override
    public boolean off() {
      return state == MachineState.OFF && !startWanted;
    }

    @Override
    public boolean ended() {
      return end != null;
    }

    @Override
    public Turns turns() {
      return new Turns(loop.turn(), processors.stream().map(Processor::start).toList());
    }

    @Override
    public void turns(Turns turns) {
      loop.turn(turns.last());
      for (int number = 0; number < processors.size(); number++) {
        processors.get(number).cpu.dozing = false;
        processors.get(number).start(turns.processors().get(number));
      }
    }

    @Override
    public void settle() {
      PcMachine.this.settle();
    }

    @Override
    public void failed(String sentence) {
      finish(new End(Cause.FAILED, sentence, 1));
    }
  }

  private void resetAll() {
    initWanted = false;
    for (Device<?> device : devices) {
      device.reset();
    }
    processors.forEach(Processor::reset);
  }

  /**
   * INIT. A program that left protected mode this way finds memory and devices as it left them.
   * Without word of one in CMOS the firmware's next act would be to reset the board, so that is
   * what happens at once.
   */
  private void init() {
    if (resumes()) {
      cpu.init(cpu.model.signature());
      processors.stream().skip(1).forEach(Processor::init);
    } else {
      resetAll();
    }
  }

  /** Whether the shutdown status byte of CMOS sends POST back to a program. */
  private boolean resumes() {
    int status = cmos.get(Cmos.SHUTDOWN);
    return status == 0x05 || status >= 0x09 && status <= 0x0C;
  }

  private void requestInit() {
    initWanted = true;
    kick();
  }

  private void requestReset() {
    resetWanted = true;
    kick();
  }

  private void sleep(int type) {
    finish(new End(Cause.POWERED_OFF, "The computer turned itself off.", 0));
  }

  private void exit(int value) {
    finish(new End(Cause.EXIT_PORT, "The program ended the run.", value << 1 | 1));
  }

  private void finish(End how) {
    if (end == null) {
      end = how;
      kick();
    }
  }

  private void kick() {
    processors.forEach(processor -> processor.cpu.kick());
  }

  private void enter(MachineState next) {
    if (state != next) {
      state = next;
      listener.stateChanged(next);
    }
  }

  private void runThread() {
    try {
      loop.run();
    } catch (RuntimeException | Error defect) {
      LOG.log(System.Logger.Level.ERROR, "the machine stopped", defect);
      finish(
          new End(
              Cause.FAILED,
              "Satchel itself failed ("
                  + defect
                  + "). Nothing that was saved is lost; please report it.",
              1));
    }
    End how = end == null ? new End(Cause.CLOSED, "The machine was switched off.", 0) : end;
    clock.pause();
    serial.drain();
    snapshots.ended();
    enter(MachineState.ENDED);
    listener.ended(how);
  }

  @Override
  public void start() {
    inbox.post(() -> startWanted |= state == MachineState.OFF);
    powerUp();
  }

  /** Starts the thread, on which a machine that is off can already be restored. */
  private synchronized void powerUp() {
    if (thread == null) {
      thread = Thread.ofPlatform().name("satchel-machine").daemon().start(this::runThread);
    }
  }

  @Override
  public Saving save(String name) {
    boolean on;
    synchronized (this) {
      on = thread != null;
    }
    return snapshots.save(name, on);
  }

  @Override
  public CompletableFuture<Void> restore(String nameOrId) {
    CompletableFuture<Void> done = snapshots.restore(nameOrId);
    powerUp();
    return done;
  }

  @Override
  public CompletableFuture<List<Snapshot>> snapshots() {
    return snapshots.list();
  }

  @Override
  public CompletableFuture<Void> deleteSnapshot(String nameOrId) {
    return snapshots.delete(nameOrId);
  }

  @Override
  public CompletableFuture<byte @Nullable []> snapshotPicture(String nameOrId) {
    return snapshots.picture(nameOrId);
  }

  @Override
  public void pause() {
    inbox.post(
        () -> {
          if (state == MachineState.RUNNING) {
            clock.pause();
            enter(MachineState.PAUSED);
          }
        });
  }

  @Override
  public void resume() {
    inbox.post(
        () -> {
          if (state == MachineState.PAUSED) {
            clock.resume();
            enter(MachineState.RUNNING);
          }
        });
  }

  @Override
  public void reset() {
    inbox.post(() -> resetWanted = true);
  }

  @Override
  public void powerButton() {
    inbox.post(power::powerButton);
  }

  @Override
  public void close() {
    Thread running;
    synchronized (this) {
      running = thread;
    }
    if (running != null) {
      inbox.post(() -> finish(new End(Cause.CLOSED, "The machine was switched off.", 0)));
      if (running != Thread.currentThread()) {
        try {
          running.join();
        } catch (InterruptedException _) {
          Thread.currentThread().interrupt();
        }
      }
    }
    snapshots.close();
    for (BlockBackend medium : ideMedia) {
      closeMedium(medium);
    }
    for (BlockBackend medium : floppyMedia) {
      closeMedium(medium);
    }
    closeMedium(variables);
  }

  private static void closeMedium(@Nullable BlockBackend medium) {
    if (medium != null) {
      try {
        medium.close();
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "closing a medium", e);
      }
    }
  }

  @Override
  public MachineState state() {
    return state;
  }

  @Override
  public void attach(@Nullable Screen screen) {
    inbox.post(() -> vga.attach(screen));
  }

  @Override
  public void attach(AudioSink sink) {
    audio = sink;
  }

  @Override
  public void key(Key key, boolean down) {
    inbox.post(() -> keyboardController.key(key, down));
  }

  @Override
  public void pointer(int dx, int dy, int wheel, int buttons) {
    inbox.post(() -> keyboardController.pointer(dx, dy, wheel, buttons));
  }

  @Override
  public void serialInput(byte[] bytes) {
    byte[] copy = bytes.clone();
    inbox.post(
        () -> {
          for (byte value : copy) {
            serial.receive(value & 0xFF);
          }
        });
  }

  @Override
  public void changeMedia(DriveKind kind, int unit, @Nullable BlockDevice media) {
    inbox.post(
        () -> {
          if (kind == DriveKind.FLOPPY) {
            closeMedium(floppyMedia[unit]);
            floppyMedia[unit] = media == null ? null : backend(media, "floppy " + unit);
            floppies.insert(unit, floppyMedia[unit]);
          } else if (cds[unit] instanceof AtapiDrive cd) {
            closeMedium(ideMedia[unit]);
            ideMedia[unit] = media == null ? null : backend(media, "cd " + unit);
            cd.insert(ideMedia[unit]);
          }
        });
  }

  @Override
  public void hold(MachineConfig.Speed speed) {
    inbox.post(() -> loop.hold(speed));
  }

  @Override
  public MachineConfig.Speed speed() {
    return loop.held();
  }

  @Override
  public void at(long virtualNanos, Runnable action) {
    inbox.post(() -> events.at(virtualNanos, "script", action));
  }

  @Override
  public Meter meter() {
    return MachineMeter.of(host, loop, processors);
  }

  @Override
  public String translation() {
    return processors.getFirst().accelerator.statistics().toString();
  }

  @Override
  public Status status() {
    return new Status(
        MachineLoop.instructions(processors),
        loop.now(),
        traffic.bytesRead(),
        traffic.bytesWritten(),
        halted,
        "");
  }
}
