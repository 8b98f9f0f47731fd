// First-in first-out queue of Depth words. The oldest word is on data_o whenever valid_o is high.
//
// Style "distributed" reads LUT RAM without a register: a word may leave in the cycle after it
// came. "block" and "ultra" read BRAM or URAM one word ahead, which takes one cycle more. Both
// sustain a word a cycle.
module fifo_sync #(
  parameter int unsigned Width = 32,
  parameter int unsigned Depth = 16,  // a power of two
  parameter Style = "distributed",
  localparam int unsigned CountW = $clog2(Depth) + 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              valid_i,
  output logic              ready_o,
  input  logic [Width-1:0]  data_i,
  output logic              valid_o,
  input  logic              ready_i,
  output logic [Width-1:0]  data_o,
  output logic [CountW-1:0] count_o   // words inside, data_o's included
);
  localparam int unsigned AddrW = CountW - 1;
  if (Depth < 2 || 2 ** AddrW != Depth) begin : gen_check_depth
    $error("Depth must be a power of two, at least 2");
  end
  if (Style != "distributed" && Style != "block" && Style != "ultra") begin : gen_check_style
    $error("Style must be distributed, block or ultra");
  end

  // Of count_q words, `stored` are in the RAM; `take` is when the oldest of these leaves it.
  logic push, pop, take;
  logic [AddrW-1:0] write_q, read_q;
  logic [CountW-1:0] count_q, stored;
  assign ready_o = !count_q[AddrW];
  assign push = valid_i && ready_o;
  assign pop = valid_o && ready_i;
  assign count_o = count_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      count_q <= '0;
    end else begin
      if (push) write_q <= write_q + 1'b1;
      if (take) read_q <= read_q + 1'b1;
      if (push && !pop) count_q <= count_q + 1'b1;
      if (!push && pop) count_q <= count_q - 1'b1;
    end
  end

  (* ram_style = Style *)
  logic [Width-1:0] memory [Depth];
  always_ff @(posedge clk_i) begin
    if (push) memory[write_q] <= data_i;
  end

  if (Style == "distributed") begin : gen_read_now
    assign stored = count_q;
    assign take = pop;
    assign valid_o = stored != '0;
    assign data_o = memory[read_q];
  end else begin : gen_read_ahead
    // The RAM's output register is the head of the queue; a word moves there as soon as it can.
    logic head_q;
    assign stored = count_q - CountW'(head_q);
    assign take = (!head_q || ready_i) && stored != '0;
    assign valid_o = head_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) head_q <= 1'b0;
      else head_q <= take || (head_q && !ready_i);
    end
    always_ff @(posedge clk_i) begin
      if (take) data_o <= memory[read_q];
    end
  end

`ifdef FORMAL
  // Slots are written and read in the same order, and each keeps its word between.
  logic started_q = 1'b0;
  logic present_q;
  logic [Width-1:0] word_q;
  (* anyconst *) logic [AddrW-1:0] slot;
  logic [AddrW-1:0] age;
  assign age = slot - read_q;
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (!rst_ni) begin
      present_q <= 1'b0;
    end else if (push && write_q == slot) begin
      present_q <= 1'b1;
      word_q <= data_i;
    end else if (take && read_q == slot) begin
      present_q <= 1'b0;
    end
  end
  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      assert (count_q <= CountW'(Depth));
      assert (stored <= count_q && count_q - stored <= CountW'(1));
      assert (stored[AddrW-1:0] == write_q - read_q);
      assert (valid_o || count_q == stored);
      assert (present_q == ({1'b0, age} < stored));
      if (present_q) assert (memory[slot] == word_q);
      if (take && read_q == slot) assert (present_q);
      if (push && write_q == slot) assert (!present_q);
    end
  end
`endif
endmodule
