package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.memory.AddressMap;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The wires between local APICs and I/O APICs (Intel SDM volume 3, sections 11.6 and 11.8), and the
 * window through which each processor sees its own local APIC. It keeps no state but who runs.
 */
public final class ApicBus {

  // Delivery modes, as in the ICR and in redirection entries.
  public static final int FIXED = 0;
  public static final int LOWEST_PRIORITY = 1;
  public static final int SMI = 2;
  public static final int NMI = 4;
  public static final int INIT = 5;
  public static final int START_UP = 6;
  public static final int EXT_INT = 7;

  /** Physical destination of everyone. */
  static final int BROADCAST = -1;

  /** The same in the eight bits of an xAPIC and of an I/O APIC. */
  static final int BROADCAST_8 = 0xFF;

  private static final int WINDOW = 0x1000;
  private static final long NOWHERE = -1;

  private final AddressMap memory;
  private final List<LocalApic> locals = new ArrayList<>();
  private final List<IoApic> ios = new ArrayList<>();
  private @Nullable LocalApic running;

  public ApicBus(Board board) {
    memory = board.memory();
  }

  void join(LocalApic apic) {
    locals.add(apic);
    if (running == null) {
      running = apic;
    }
  }

  /** Accesses to the window come from this APIC's processor from now on. */
  public void running(LocalApic apic) {
    running = apic;
  }

  /**
   * A local APIC's window moves.
   *
   * @param from its address until now, or -1
   * @param to its address, which {@link LocalApic#window} gives already, or -1
   */
  void move(long from, long to) {
    if (from != NOWHERE && locals.stream().noneMatch(apic -> apic.window() == from)) {
      if (from < memory.memory().ramSize()) {
        memory.mapMemory(from, WINDOW, (int) from);
      } else {
        memory.unmap(from, WINDOW);
      }
    }
    if (to != NOWHERE) {
      memory.mapDevice(to, WINDOW, "local APIC", new Window(to));
    }
  }

  /** What all processors see at one address: each its own APIC. */
  private final class Window implements IoHandler {
    private final long address;

    Window(long address) {
      this.address = address;
    }

    private @Nullable LocalApic here() {
      LocalApic apic = running;
      return apic != null && apic.window() == address ? apic : null;
    }

    @Override
    public int read(int offset, int width) {
      LocalApic apic = here();
      return apic == null ? -1 : apic.read(offset, width);
    }

    @Override
    public void write(int offset, int width, int value) {
      LocalApic apic = here();
      if (apic != null) {
        apic.write(offset, width, value);
      }
    }

    // One window an address, so that moving to and fro does not make more and more of them.
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Window window && window.address == address;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(address);
    }
  }

  void join(IoApic apic) {
    ios.add(apic);
  }

  /**
   * Carries a message to the APICs that {@code destination} names.
   *
   * @param logical the destination is a mask for the logical destination registers
   * @param level the interrupt is level triggered: its EOI is to be broadcast
   */
  void send(int destination, boolean logical, int mode, int vector, boolean level) {
    if (mode == LOWEST_PRIORITY) {
      LocalApic chosen = null;
      for (int i = 0; i < locals.size(); i++) {
        LocalApic apic = locals.get(i);
        if (apic.isAddressed(destination, logical)
            && (chosen == null || apic.arbitrationPriority() < chosen.arbitrationPriority())) {
          chosen = apic;
        }
      }
      if (chosen != null) {
        chosen.accept(FIXED, vector, level);
      }
      return;
    }
    for (int i = 0; i < locals.size(); i++) {
      LocalApic apic = locals.get(i);
      if (apic.isAddressed(destination, logical)) {
        apic.accept(mode, vector, level);
      }
    }
  }

  /** To everyone, or to everyone but the sender. */
  void sendToAll(LocalApic sender, boolean includingSender, int mode, int vector, boolean level) {
    for (int i = 0; i < locals.size(); i++) {
      LocalApic apic = locals.get(i);
      if (includingSender || apic != sender) {
        apic.accept(mode, vector, level);
      }
    }
  }

  /** A local APIC has served a level-triggered vector. */
  void endOfInterrupt(int vector) {
    for (int i = 0; i < ios.size(); i++) {
      ios.get(i).endOfInterrupt(vector);
    }
  }
}
