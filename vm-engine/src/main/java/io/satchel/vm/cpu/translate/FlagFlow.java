package io.satchel.vm.cpu.translate;

import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.semantics.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who looks at which arithmetic flags in a region, and by which rule of {@link LazyFlags} they
 * stand where. CF goes apart from the others: INC and DEC keep it.
 *
 * <p>Whatever can leave the region looks at all flags: it stores the four values that they follow
 * from.
 */
final class FlagFlow {

  /** In a rule that is known: an addition or subtraction took CF as well. */
  static final int CARRY_IN = 64;

  static final int UNKNOWN = -1;

  /** No way there has been followed yet. */
  static final int UNSEEN = -2;

  private static final int CARRY = 1;
  private static final int OTHERS = 2;
  private static final int ALL = CARRY | OTHERS;

  private FlagFlow() {}

  /** How an instruction treats the flags. */
  record Use(int reads, int writes) {}

  /** Fills in {@link Node#carryDead}, {@link Node#othersDead} and {@link Node#flagsBefore}. */
  static void analyse(List<Node> nodes) {
    int count = nodes.size();
    int[] liveBefore = new int[count];
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int n = count - 1; n >= 0; n--) {
        int live = backwards(nodes.get(n), liveBefore);
        changed |= live != liveBefore[n];
        liveBefore[n] = live;
      }
    }
    forwards(nodes);
  }

  private static int live(@Nullable Node node, int[] liveBefore) {
    return node == null ? ALL : liveBefore[node.order];
  }

  private static int backwards(Node node, int[] liveBefore) {
    int live;
    if (node.transfers) {
      Kind kind = node.kinds.getLast();
      live = live(node.taken, liveBefore);
      if (kind == Kind.JCC || kind == Kind.LOOP) {
        live |= live(node.next, liveBefore);
      } else if (kind == Kind.RET) {
        live = ALL;
      }
    } else {
      live = live(node.next, liveBefore);
    }
    if (backEdge(node, node.taken) || backEdge(node, node.next)) {
      live = ALL;
    }
    int size = node.instructions.size();
    if (node.carryDead.length != size) {
      node.carryDead = new boolean[size];
      node.othersDead = new boolean[size];
    }
    for (int n = size - 1; n >= 0; n--) {
      Use use = use(node.instructions.get(n), node.kinds.get(n));
      node.carryDead[n] = (live & CARRY) == 0;
      node.othersDead[n] = (live & OTHERS) == 0;
      live = live & ~use.writes | use.reads;
    }
    return live;
  }

  static boolean backEdge(Node from, @Nullable Node to) {
    return to != null && to.order <= from.order;
  }

  /** Reads and writes of an instruction; ways out of the region read all. */
  private static Use use(Instruction i, Kind kind) {
    int exits = kind.mayLeave(i) ? ALL : 0;
    return switch (kind) {
      case VALUE -> value(i, exits);
      case JCC, SETCC, CMOV -> new Use(exits | condition(i.row().opcode() & 15), 0);
      case LOOP -> new Use(exits | (i.row().opcode() <= 0xE1 ? OTHERS : 0), 0);
      case MUL -> new Use(exits, ALL);
      case BT -> new Use(exits | OTHERS, CARRY);
      case BSF -> new Use(exits | ALL, 0);
      case CARRY_FLAG -> new Use(OTHERS | (i.row().opcode() == 0xF5 ? CARRY : 0), CARRY);
      case EFFECT, SYSTEM -> new Use(ALL, 0);
      default -> new Use(exits, 0);
    };
  }

  private static Use value(Instruction i, int exits) {
    Value value = Kind.value(i);
    return switch (value.rule()) {
      case NONE -> new Use(exits, 0);
      case INC, DEC -> new Use(exits, OTHERS);
      case SHL, SHR, SAR ->
          Kind.constantCount(i) ? new Use(exits, Kind.count(i) == 0 ? 0 : ALL) : new Use(ALL, 0);
      case ROL, ROR -> new Use(ALL, 0);
      default -> new Use(exits | (value.shape() == Value.Shape.CARRY ? CARRY : 0), ALL);
    };
  }

  private static int condition(int condition) {
    return switch (condition >> 1) {
      case 1 -> CARRY;
      case 3 -> ALL;
      default -> OTHERS;
    };
  }

  private static void forwards(List<Node> nodes) {
    for (Node node : nodes) {
      node.flagsBefore = UNSEEN;
    }
    nodes.getFirst().flagsBefore = UNKNOWN;
    boolean changed = true;
    while (changed) {
      changed = false;
      for (Node node : nodes) {
        int known = node.flagsBefore;
        if (known == UNSEEN) {
          continue;
        }
        for (int n = 0; n < node.instructions.size(); n++) {
          known = after(known, node, n);
        }
        changed |= meet(node.next, known) | meet(node.taken, known);
      }
    }
  }

  private static boolean meet(@Nullable Node node, int known) {
    if (node == null || node.flagsBefore == known || node.flagsBefore == UNKNOWN) {
      return false;
    }
    node.flagsBefore = node.flagsBefore == UNSEEN ? known : UNKNOWN;
    return true;
  }

  /** By which rule the flags stand behind an instruction; what is dead is not stored. */
  static int after(int known, Node node, int number) {
    Instruction i = node.instructions.get(number);
    boolean othersDead = node.othersDead[number];
    boolean dead = othersDead && node.carryDead[number];
    return switch (node.kinds.get(number)) {
      case VALUE -> {
        Value value = Kind.value(i);
        int rule =
            value.rule().lazyKind()
                + Integer.numberOfTrailingZeros(i.row().operands().getFirst().width(i));
        yield switch (value.rule()) {
          case NONE -> known;
          case INC, DEC -> othersDead ? known : rule;
          case SHL, SHR, SAR -> {
            if (!Kind.constantCount(i)) {
              yield dead ? known : UNKNOWN;
            }
            yield dead || Kind.count(i) == 0 ? known : rule;
          }
          case ROL, ROR -> dead ? known : Kind.constantCount(i) && Kind.count(i) != 0 ? 0 : UNKNOWN;
          default -> dead ? known : value.shape() == Value.Shape.CARRY ? rule | CARRY_IN : rule;
        };
      }
      case MUL -> dead ? known : LazyFlags.EXPLICIT;
      case BT, BSF, CARRY_FLAG -> dead ? known : LazyFlags.EXPLICIT;
      case EFFECT, SYSTEM -> UNKNOWN;
      default -> known;
    };
  }
}
