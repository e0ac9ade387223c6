package io.satchel.vm.machine;

import io.satchel.image.Images;
import io.satchel.image.format.qcow2.PendingSnapshot;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.SnapshotInfo;
import io.satchel.vm.api.Saving;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.api.SnapshotException;
import io.satchel.vm.api.SnapshotException.Kind;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.device.Device;
import io.satchel.vm.device.Vga;
import io.satchel.vm.host.BlockBackend;
import io.satchel.vm.host.Inbox;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.Thumbnail;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.FrozenMemory;
import io.satchel.vm.snapshot.MachineShape;
import io.satchel.vm.snapshot.MachineState;
import io.satchel.vm.snapshot.SnapshotReader;
import io.satchel.vm.snapshot.SnapshotWriter;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Saves the machine into its disk images and makes it again what it was.
 *
 * <p>The stop, which is all that the guest can notice, happens on the machine's thread: the disks'
 * requests are waited for, the disks' tables are shared with the snapshot, the state records are
 * taken and memory is frozen. A thread of the snapshot's own then writes memory, copy-on-write.
 *
 * <p>After the stop the saved machine goes on with empty TLBs and all dirty marks set, as a
 * restored one does, so that under the instruction clock both run the same to the last bit.
 */
final class SnapshotControl {

  /** What this needs of its machine. */
  interface Host {
    MachineShape shape();

    /** Every medium in a drive that the guest can write to, hard disks first. */
    List<Disk> writableDisks();

    /** Whether the clock is to go on after a stop. */
    boolean running();

    /** Whether nobody has pressed the power switch yet. */
    boolean off();

    /** Whether the machine has ended or is about to. */
    boolean ended();

    /** Where the processors are in taking turns. */
    MachineState.Turns turns();

    /** Goes on from there. */
    void turns(MachineState.Turns turns);

    /** Does what is pending between two stretches of the processor, such as a reset. */
    void settle();

    /** The machine is of no use any more. */
    void failed(String sentence);
  }

  /** A medium in a drive. */
  record Disk(String name, BlockBackend backend) {
    @Nullable Qcow2Device image() {
      return Images.qcow2(backend.medium());
    }
  }

  /** A disk with its image, in qcow2 format. */
  private record Target(String name, Qcow2Device image) {}

  private static final int LONGEST_NAME = 255;
  private static final long WAIT_NANOS = 1_000_000;

  private final Host host;
  private final List<CpuState> cpus;
  private final List<Device<?>> devices;
  private final Vga vga;
  private final AddressMap map;
  private final VirtualClock clock;
  private final EventQueue events;
  private final Inbox inbox;

  /** What is to be done between two stretches of the processor; the machine's thread only. */
  private final Queue<Runnable> wanted = new ArrayDeque<>();

  /**
   * The picture of the snapshot that is being saved. It is made once, since allocating it may let
   * the collector stop the machine for longer than all the rest.
   */
  private final ScreenImage screen = new ScreenImage();

  /** Futures that are to fail when the machine ends before their turn. */
  private final Set<CompletableFuture<?>> open = new HashSet<>();

  private boolean closed;

  /** From its request until its outcome is known. */
  private @Nullable Save saving;

  SnapshotControl(
      Host host,
      List<CpuState> cpus,
      List<Device<?>> devices,
      Vga vga,
      AddressMap map,
      VirtualClock clock,
      EventQueue events,
      Inbox inbox) {
    this.host = host;
    this.cpus = cpus;
    this.devices = devices;
    this.vga = vga;
    this.map = map;
    this.clock = clock;
    this.events = events;
    this.inbox = inbox;
  }

  // Any thread.

  /**
   * @param on whether the machine has been switched on
   */
  Saving save(String name, boolean on) {
    Save save = new Save(name);
    boolean accepted;
    synchronized (this) {
      accepted = on && !closed && saving == null;
      if (accepted) {
        saving = save;
        open.add(save.done);
      }
    }
    if (accepted) {
      inbox.post(() -> wanted.add(save::stop));
    } else {
      save.done.completeExceptionally(!on || isClosed() ? off() : busy());
    }
    return save;
  }

  CompletableFuture<Void> restore(String nameOrId) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    SnapshotException refusal;
    synchronized (this) {
      refusal = closed ? off() : saving != null ? busy() : null;
      if (refusal == null) {
        open.add(done);
      }
    }
    if (refusal == null) {
      inbox.post(() -> wanted.add(() -> restore(nameOrId, done)));
    } else {
      done.completeExceptionally(refusal);
    }
    return done;
  }

  CompletableFuture<List<Snapshot>> list() {
    return elsewhere(
        () -> {
          List<Snapshot> all = new ArrayList<>();
          for (Target target : targets(false)) {
            for (SnapshotInfo info : target.image.snapshots().list()) {
              if (all.stream().noneMatch(known -> known.name().equals(info.name()))) {
                all.add(SavedMachines.snapshot(info));
              }
            }
          }
          return List.copyOf(all);
        });
  }

  CompletableFuture<Void> delete(String nameOrId) {
    return elsewhere(
        () -> {
          String name = null;
          for (Target target : targets(false)) {
            SnapshotInfo found = find(target.image, name == null ? nameOrId : name, name == null);
            if (found != null) {
              name = found.name();
              target.image.snapshots().delete(found.id());
            }
          }
          if (name == null) {
            throw missing(nameOrId);
          }
          return null;
        });
  }

  CompletableFuture<byte @Nullable []> picture(String nameOrId) {
    return elsewhere(
        () -> {
          Found found = find(nameOrId);
          return SavedMachines.picture(found.carrier.image, found.info.id());
        });
  }

  /** Something to be done on a thread of its own. */
  private interface Work<T extends @Nullable Object> {
    T run() throws IOException;
  }

  private <T extends @Nullable Object> CompletableFuture<T> elsewhere(Work<T> work) {
    CompletableFuture<T> done = new CompletableFuture<>();
    if (isClosed()) {
      done.completeExceptionally(off());
      return done;
    }
    Thread.ofPlatform()
        .daemon()
        .name("satchel-snapshots")
        .start(
            () -> {
              try {
                done.complete(work.run());
              } catch (IOException | RuntimeException e) {
                done.completeExceptionally(e);
              }
            });
    return done;
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /** Once the machine has ended: nothing more is taken from its thread. */
  void ended() {
    List<CompletableFuture<?>> left;
    synchronized (this) {
      closed = true;
      left = List.copyOf(open);
      open.clear();
    }
    Save save = currentSave();
    for (CompletableFuture<?> future : left) {
      if (save == null || future != save.done || !save.writing()) {
        future.completeExceptionally(off());
      }
    }
  }

  /** Before the media are closed: gives up what is being saved and waits for its thread. */
  void close() {
    Save save = currentSave();
    if (save != null) {
      save.cancel();
      save.join();
    }
    ended();
  }

  private synchronized @Nullable Save currentSave() {
    return saving;
  }

  private synchronized void settled(CompletableFuture<?> future) {
    open.remove(future);
    Save save = saving;
    if (save != null && save.done == future) {
      saving = null;
    }
  }

  // The machine's thread, between two stretches of the processor.

  /** Does what was asked for. */
  void perform() {
    for (Runnable next = wanted.poll(); next != null; next = wanted.poll()) {
      next.run();
    }
  }

  /** Waits until no disk request is under way and nothing is due; virtual time stands. */
  private void quiesce() throws SnapshotException {
    while (true) {
      inbox.drain();
      host.settle();
      events.runDue(clock.nanos());
      if (host.ended()) {
        throw off();
      }
      int outstanding = 0;
      for (Disk disk : host.writableDisks()) {
        outstanding += disk.backend.outstanding();
      }
      if (outstanding == 0 && inbox.isEmpty() && events.next() > clock.nanos()) {
        return;
      }
      if (outstanding > 0 && inbox.isEmpty()) {
        LockSupport.parkNanos(this, WAIT_NANOS);
      }
    }
  }

  private void goOn() {
    if (host.running()) {
      clock.resume();
    }
    for (CpuState cpu : cpus) {
      cpu.clearKick();
      if (!inbox.isEmpty()) {
        cpu.kick();
      }
    }
  }

  /** The images of the writable disks. */
  private List<Target> targets(boolean all) throws SnapshotException {
    List<Target> targets = new ArrayList<>();
    for (Disk disk : host.writableDisks()) {
      Qcow2Device image = disk.image();
      if (image != null) {
        targets.add(new Target(disk.name, image));
      } else if (all) {
        throw new SnapshotException(
            Kind.CANNOT_HOLD,
            "The "
                + disk.name
                + " is not a qcow2 image, so it cannot hold a snapshot; convert it to qcow2, or let"
                + " its changes be kept in an overlay.");
      }
    }
    if (all && targets.isEmpty()) {
      throw new SnapshotException(
          Kind.CANNOT_HOLD,
          "This machine has no disk that can hold a snapshot; give it a hard disk in qcow2"
              + " format.");
    }
    return targets;
  }

  private static @Nullable SnapshotInfo find(Qcow2Device image, String name, boolean orId) {
    for (SnapshotInfo info : image.snapshots().list()) {
      if (info.name().equals(name)) {
        return info;
      }
    }
    for (SnapshotInfo info : image.snapshots().list()) {
      if (orId && info.id().equals(name)) {
        return info;
      }
    }
    return null;
  }

  /** The disk that holds a saved machine, and which of its snapshots that is. */
  private record Found(Target carrier, SnapshotInfo info) {}

  private Found find(String nameOrId) throws SnapshotException {
    boolean withoutState = false;
    for (Target target : targets(false)) {
      SnapshotInfo info = find(target.image, nameOrId, true);
      if (info != null && info.vmStateSize() > 0) {
        return new Found(target, info);
      }
      withoutState |= info != null;
    }
    if (withoutState) {
      throw new SnapshotException(
          Kind.MISSING,
          "The snapshot "
              + nameOrId
              + " holds only the disk and not the machine; switch the machine off and restore the"
              + " disk with `satchel img snapshot -a`.");
    }
    throw missing(nameOrId);
  }

  private static SnapshotException missing(String nameOrId) {
    return new SnapshotException(
        Kind.MISSING, "There is no snapshot " + nameOrId + "; choose one from the list.");
  }

  private static SnapshotException busy() {
    return new SnapshotException(
        Kind.BUSY, "A snapshot is being saved; wait until it is done, or cancel it.");
  }

  private static SnapshotException off() {
    return new SnapshotException(
        Kind.OFF, "The machine is not running, so it has no state to save; start it first.");
  }

  // Restoring.

  private void restore(String nameOrId, CompletableFuture<Void> done) {
    boolean changed = false;
    clock.pause();
    try {
      quiesce();
      Found found = find(nameOrId);
      List<Target> targets = targets(true);
      List<SnapshotInfo> parts = parts(targets, found);
      SnapshotReader reader =
          SnapshotReader.open(SavedMachines.source(found.carrier.image, found.info.id()));
      String difference = reader.shape().difference(host.shape());
      if (!difference.isEmpty()) {
        throw new SnapshotException(
            Kind.OTHER_MACHINE,
            "The snapshot "
                + found.info.name()
                + " is of another machine: "
                + difference
                + "; start it with the hardware that it had.");
      }
      MachineState state = reader.state();
      SnapshotReader.Memory memory = reader.checkMemory(map.memory().pages());
      changed = true;
      for (int i = 0; i < targets.size(); i++) {
        targets.get(i).image.snapshots().apply(parts.get(i).id());
      }
      memory.load(map.memory());
      state.restore(clock::set, cpus, devices);
      host.turns(state.turns());
      goOn();
      settled(done);
      done.complete(null);
    } catch (IOException | RuntimeException e) {
      settled(done);
      if (changed) {
        host.failed(
            "The snapshot "
                + nameOrId
                + " could not be restored to its end ("
                + e.getMessage()
                + "). It is still there; start the machine again and restore it, or an earlier"
                + " one.");
      } else {
        goOn();
      }
      done.completeExceptionally(e);
    }
  }

  /** What each disk has of a snapshot. */
  private static List<SnapshotInfo> parts(List<Target> targets, Found found)
      throws SnapshotException {
    List<SnapshotInfo> parts = new ArrayList<>();
    for (Target target : targets) {
      SnapshotInfo part =
          target.image == found.carrier.image
              ? found.info
              : find(target.image, found.info.name(), false);
      if (part == null || part.diskSize() != target.image.size()) {
        throw new SnapshotException(
            Kind.OTHER_MACHINE,
            "The "
                + target.name
                + (part == null
                    ? " has no part of the snapshot "
                    : " has another size than in the snapshot ")
                + found.info.name()
                + "; start the machine with the disks that it had.");
      }
      parts.add(part);
    }
    return parts;
  }

  // Saving.

  private final class Save implements Saving {
    private final String name;
    private final CompletableFuture<Saved> done = new CompletableFuture<>();
    private final List<Target> targets = new ArrayList<>();
    private final List<PendingSnapshot> pending = new ArrayList<>();
    private volatile boolean cancelled;
    private volatile @Nullable FrozenMemory memory;
    private volatile @Nullable Thread writer;
    private long started;
    private volatile long stopped;

    Save(String name) {
      this.name = name;
    }

    @Override
    public CompletableFuture<Saved> done() {
      return done;
    }

    @Override
    public double progress() {
      FrozenMemory frozen = memory;
      return done.isDone() ? 1 : frozen == null ? 0 : 0.99 * frozen.progress();
    }

    @Override
    public void cancel() {
      cancelled = true;
      FrozenMemory frozen = memory;
      if (frozen != null) {
        frozen.end();
      }
    }

    boolean writing() {
      return writer != null;
    }

    void join() {
      Thread thread = writer;
      boolean interrupted = false;
      while (thread != null && thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    /** On the machine's thread. */
    private void stop() {
      started = System.nanoTime();
      clock.pause();
      try {
        if (host.off()) {
          throw SnapshotControl.off();
        }
        quiesce();
        if (cancelled) {
          throw new CancellationException();
        }
        checkName();
        targets.addAll(targets(true));
        checkFree();
        long now = clock.nanos();
        Instant date = Instant.now();
        for (Target target : targets) {
          pending.add(target.image.snapshots().begin(name, date, now));
        }
        vga.drawOnce(screen);
        final MachineShape shape = host.shape();
        final MachineState.Taken state = MachineState.take(now, cpus, host.turns(), devices);
        cpus.forEach(cpu -> cpu.mmu.flushAll());
        map.memory().dirtyAll();
        FrozenMemory frozen = map.freeze();
        memory = frozen;
        writer =
            Thread.ofPlatform()
                .daemon()
                .name("satchel-saver")
                .start(() -> write(shape, state, frozen));
      } catch (IOException | RuntimeException e) {
        giveUp(e);
      }
      goOn();
      stopped = System.nanoTime() - started;
    }

    private void checkName() throws SnapshotException {
      if (name.isBlank() || name.length() > LONGEST_NAME || name.matches("[0-9]+")) {
        throw new SnapshotException(
            Kind.NAME,
            "\"%s\" is no name for a snapshot; choose one with a letter in it and at most %d characters."
                .formatted(name, LONGEST_NAME));
      }
    }

    private void checkFree() throws SnapshotException {
      for (Target target : targets) {
        if (find(target.image, name, false) != null) {
          throw new SnapshotException(
              Kind.NAME,
              "There is a snapshot " + name + " already; choose another name, or delete that one.");
        }
      }
    }

    /** On a thread of its own. */
    private void write(MachineShape shape, MachineState.Taken state, FrozenMemory frozen) {
      try {
        PendingSnapshot carrier = pending.getFirst();
        SnapshotWriter writer = new SnapshotWriter(carrier::write);
        writer.begin(shape, Thumbnail.png(screen), state.encoded());
        if (!writer.memory(frozen, () -> !cancelled)) {
          throw new CancellationException();
        }
        // The one with the state last: when it is there, all are.
        List<SnapshotInfo> made = new ArrayList<>();
        try {
          for (PendingSnapshot part : pending.reversed()) {
            made.add(part.finish());
          }
        } catch (IOException | RuntimeException e) {
          for (int i = 0; i < made.size(); i++) {
            targets.reversed().get(i).image.snapshots().delete(made.get(i).id());
          }
          throw e;
        }
        settled(done);
        done.complete(
            new Saved(
                SavedMachines.snapshot(made.getLast()), stopped, System.nanoTime() - started));
      } catch (IOException | RuntimeException e) {
        giveUp(e);
      } finally {
        frozen.end();
      }
    }

    private void giveUp(Exception reason) {
      for (PendingSnapshot part : pending) {
        try {
          part.close();
        } catch (IOException | RuntimeException e) {
          reason.addSuppressed(e);
        }
      }
      settled(done);
      done.completeExceptionally(reason);
    }
  }
}
