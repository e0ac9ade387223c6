package io.satchel.vm.cpu.translate;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.HotCode;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.CodeBytes;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Operands;
import io.satchel.vm.memory.GuestMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Finds what belongs to a region: from its beginning along direct jumps, calls and foreseen
 * returns, as far as the interpreter has been there, until there are enough instructions. Runs on
 * the machine's thread, so that the bytes are those of one moment.
 */
final class RegionScanner {

  /** Calls in calls that are followed. */
  private static final int MAX_DEPTH = 3;

  private static final int PAGE_SIZE = GuestMemory.PAGE_SIZE;

  /** A return address, under those of the callers. */
  private record Frame(long returnTo, @Nullable Frame caller, int depth) {}

  private record Place(long rip, @Nullable Frame frame) {}

  private static final class Item {
    final Instruction instruction;
    final long next;

    /** Where it may go on in the region; the way straight on comes first. */
    @Nullable Place straight;

    @Nullable Place target;
    boolean transfers;

    Item(Instruction instruction, long next) {
      this.instruction = instruction;
      this.next = next;
    }
  }

  private static final class Outside extends RuntimeException {
    private static final long serialVersionUID = 1L;
    static final Outside INSTANCE = new Outside();

    private Outside() {
      super(null, null, false, false);
    }
  }

  private static final class Extent {
    final int hostPage;
    int from = PAGE_SIZE;
    int to;

    Extent(int hostPage) {
      this.hostPage = hostPage;
    }
  }

  private final CpuState cpu;
  private final Mmu mmu;
  private final GuestMemory memory;
  private final Decoder decoder;
  private final int mode;
  private final HotCode.Profile profile;
  private final LongPredicate slow;
  private final Map<Long, Long> targets;
  private final int maxInstructions;
  private final long csBase;
  private final long csLimit;
  private final boolean wide;
  private final int codeWidth;
  private final Map<Place, Item> items = new HashMap<>();
  private final Set<Place> leaders = new HashSet<>();
  private final ArrayDeque<Place> work = new ArrayDeque<>();
  private final Map<Long, Extent> pages = new HashMap<>();

  /**
   * @param slow whether the memory operand of the instruction at a linear address keeps missing
   * @param targets by the linear address of a computed jump, where it has always led
   */
  RegionScanner(
      CpuState cpu,
      Decoder decoder,
      int mode,
      HotCode.Profile profile,
      LongPredicate slow,
      Map<Long, Long> targets,
      int maxInstructions) {
    this.cpu = cpu;
    mmu = cpu.mmu;
    memory = mmu.map().memory();
    this.decoder = decoder;
    this.mode = mode;
    this.profile = profile;
    this.slow = slow;
    this.targets = targets;
    this.maxInstructions = maxInstructions;
    wide = (mode & Mode.CODE64) != 0;
    codeWidth = wide ? 8 : (mode & Mode.CODE32) != 0 ? 4 : 2;
    csBase = wide ? 0 : cpu.base[CpuState.CS];
    csLimit = wide ? Region.NO_LIMIT : cpu.limit[CpuState.CS];
  }

  /** The region that begins at {@code cpu.rip}, or {@code null} when it is not worth it. */
  @Nullable Region scan() {
    Place entry = new Place(cpu.rip, null);
    leaders.add(entry);
    work.add(entry);
    while (!work.isEmpty()) {
      follow(work.poll());
    }
    if (!items.containsKey(entry)) {
      return null;
    }
    Map<Place, Node> nodes = new HashMap<>();
    Node first = node(entry, nodes);
    List<Node> order = new ArrayList<>();
    Set<Node> met = new HashSet<>();
    postorder(first, met, order);
    List<Node> reversed = order.reversed();
    boolean loops = false;
    for (int n = 0; n < reversed.size(); n++) {
      reversed.get(n).order = n;
    }
    for (Node node : reversed) {
      loops |= node.next != null && node.next.order <= node.order;
      loops |= node.taken != null && node.taken.order <= node.order;
    }
    if (!loops && items.size() < 2) {
      return null;
    }
    return region(reversed);
  }

  private Region region(List<Node> nodes) {
    List<Map.Entry<Long, Extent>> extents = new ArrayList<>(pages.entrySet());
    extents.removeIf(entry -> entry.getValue().to == 0);
    extents.sort(Comparator.comparing(Map.Entry::getKey));
    int count = extents.size();
    long[] linearPages = new long[count];
    int[] hostPages = new int[count];
    int[] from = new int[count];
    int[] to = new int[count];
    for (int n = 0; n < count; n++) {
      Extent extent = extents.get(n).getValue();
      linearPages[n] = extents.get(n).getKey();
      hostPages[n] = extent.hostPage;
      from[n] = extent.from;
      to[n] = extent.to;
    }
    int longest = nodes.stream().mapToInt(node -> node.instructions.size()).sum();
    return new Region(
        cpu.rip,
        linear(cpu.rip),
        mode,
        csBase,
        csLimit,
        List.copyOf(nodes),
        longest,
        linearPages,
        hostPages,
        from,
        to);
  }

  private long linear(long rip) {
    return wide ? rip : csBase + rip & 0xFFFF_FFFFL;
  }

  private void follow(Place from) {
    long rip = from.rip;
    @Nullable Frame frame = from.frame;
    while (items.size() < maxInstructions) {
      Place place = new Place(rip, frame);
      if (items.containsKey(place)) {
        leaders.add(place);
        return;
      }
      Item item = item(rip, frame);
      if (item == null) {
        return;
      }
      items.put(place, item);
      if (item.transfers) {
        if (item.straight != null) {
          lead(item.straight);
        }
        if (item.target != null) {
          lead(item.target);
        }
        return;
      }
      rip = item.next;
    }
  }

  private void lead(Place place) {
    if (leaders.add(place) && !items.containsKey(place)) {
      work.add(place);
    }
  }

  private @Nullable Item item(long rip, @Nullable Frame frame) {
    Instruction i = decode(rip);
    if (i == null || i.row().opcode() < 0) {
      return null;
    }
    long next = rip + i.length;
    if (!wide && next - 1 > csLimit || next > (wide ? next : 0xFFFF_FFFFL)) {
      return null;
    }
    Item item = new Item(i, next);
    if (!i.row().has(Trait.ENDS_BLOCK) || Kind.of(i) == Kind.SYSTEM) {
      item.straight = new Place(next, frame);
      touch(rip, i.length);
      return item;
    }
    item.transfers = true;
    switch (i.row().opcode()) {
      case 0xE8 -> {
        long target = target(i, next);
        if (beyond(target)) {
          return null;
        }
        int depth = frame == null ? 0 : frame.depth;
        if (depth < MAX_DEPTH) {
          item.target = wanted(target, new Frame(next, frame, depth + 1), true);
        }
      }
      case 0xE9, 0xEB -> {
        long target = target(i, next);
        if (beyond(target)) {
          return null;
        }
        item.target = wanted(target, frame, false);
      }
      case 0xC2, 0xC3 -> {
        if (frame != null) {
          item.target = new Place(frame.returnTo, frame.caller);
        } else {
          item.target = foreseen(rip, null);
        }
      }
      case 0xFF -> {
        String name = i.row().mnemonic();
        if (!i.row().text().contains(" Ev ") || name.equals("PUSH")) {
          return null;
        }
        int depth = frame == null ? 0 : frame.depth;
        if (name.equals("JMP")) {
          item.target = foreseen(rip, frame);
        } else if (depth < MAX_DEPTH) {
          item.target = foreseen(rip, new Frame(next, frame, depth + 1));
        }
      }
      case 0xE0, 0xE1, 0xE2, 0xE3 -> {
        if (!conditional(item, i, next, frame)) {
          return null;
        }
      }
      default -> {
        int opcode = i.row().opcode();
        boolean jcc = opcode >>> 4 == 0x07 || opcode >>> 4 == 0x0F8;
        if (!jcc || !conditional(item, i, next, frame)) {
          return null;
        }
      }
    }
    touch(rip, i.length);
    return item;
  }

  private boolean conditional(Item item, Instruction i, long next, @Nullable Frame frame) {
    long target = target(i, next);
    if (beyond(target)) {
      return false;
    }
    item.straight = wanted(next, frame, true);
    item.target = wanted(target, frame, true);
    return true;
  }

  /** Where a computed jump has always led. */
  private @Nullable Place foreseen(long rip, @Nullable Frame frame) {
    Long target = targets.get(linear(rip));
    return target == null || beyond(target) ? null : wanted(target, frame, true);
  }

  private static long target(Instruction i, long next) {
    return Operands.truncate(next + i.immediate, i.operandSize);
  }

  private boolean beyond(long target) {
    return wide ? target << 16 >> 16 != target : target > csLimit;
  }

  /** The place, if its page is at hand and, when asked, the interpreter has been there. */
  private @Nullable Place wanted(long rip, @Nullable Frame frame, boolean seen) {
    long linear = linear(rip);
    Extent page = page(linear);
    if (page == null || seen && !profile.seen(page.hostPage, (int) linear & PAGE_SIZE - 1, mode)) {
      return null;
    }
    return new Place(rip, frame);
  }

  private @Nullable Extent page(long linear) {
    long start = linear & -PAGE_SIZE;
    Extent extent = pages.get(start);
    if (extent == null) {
      int hostPage = mmu.knownFetchPage(linear);
      if (hostPage < 0) {
        return null;
      }
      extent = new Extent(hostPage);
      pages.put(start, extent);
    }
    return extent;
  }

  private @Nullable Instruction decode(long rip) {
    CodeBytes bytes =
        index -> {
          long linear = linear(rip + index);
          Extent page = page(linear);
          if (page == null) {
            throw Outside.INSTANCE;
          }
          return memory.read8((page.hostPage << 12) + ((int) linear & PAGE_SIZE - 1));
        };
    try {
      return decoder.decode(bytes, codeWidth);
    } catch (Outside e) {
      return null;
    }
  }

  private void touch(long rip, int length) {
    for (long at = rip; at < rip + length; at++) {
      long linear = linear(at);
      Extent page = page(linear);
      if (page != null) {
        int offset = (int) linear & PAGE_SIZE - 1;
        page.from = Math.min(page.from, offset);
        page.to = Math.max(page.to, offset + 1);
      }
    }
  }

  // From instructions to nodes.

  private Node node(Place place, Map<Place, Node> nodes) {
    Node existing = nodes.get(place);
    if (existing != null) {
      return existing;
    }
    Node node = new Node(place.rip);
    nodes.put(place, node);
    Place at = place;
    while (true) {
      Item item = items.get(at);
      if (item == null) {
        node.stops = stops(at.rip);
        return node;
      }
      node.instructions.add(item.instruction);
      node.kinds.add(kind(at.rip, item.instruction));
      if (item.transfers) {
        node.transfers = true;
        node.next = known(item.straight, nodes);
        node.taken = known(item.target, nodes);
        return node;
      }
      at = new Place(item.next, at.frame);
      if (leaders.contains(at) && items.containsKey(at)) {
        node.next = node(at, nodes);
        return node;
      }
    }
  }

  private Kind kind(long rip, Instruction i) {
    Kind kind = Kind.of(i);
    return !i.row().has(Trait.ENDS_BLOCK) && kind.mayLeave(i) && slow.test(linear(rip))
        ? Kind.EFFECT
        : kind;
  }

  private @Nullable Node known(@Nullable Place place, Map<Place, Node> nodes) {
    return place != null && items.containsKey(place) ? node(place, nodes) : null;
  }

  /** Whether a region could not begin there either. */
  private boolean stops(long rip) {
    Instruction i = decode(rip);
    return i == null || i.row().has(Trait.ENDS_BLOCK) && item(rip, null) == null;
  }

  private static void postorder(Node node, Set<Node> met, List<Node> order) {
    if (!met.add(node)) {
      return;
    }
    if (node.taken != null) {
      postorder(node.taken, met, order);
    }
    if (node.next != null) {
      postorder(node.next, met, order);
    }
    order.add(node);
  }
}
