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

  logic push, pop;
  logic [AddrW-1:0] write_q, read_q;
  logic [CountW-1:0] count_q;
  assign ready_o = !count_q[AddrW];
  assign push = valid_i && ready_o;
  assign pop = valid_o && ready_i;
  assign count_o = count_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      count_q <= '0;
    end else begin
      if (push) write_q <= write_q + 1'b1;
      if (push && !pop) count_q <= count_q + 1'b1;
      if (!push && pop) count_q <= count_q - 1'b1;
    end
  end

  (* ram_style = Style *)
  logic [Width-1:0] memory [Depth];
  always_ff @(posedge clk_i) begin
    if (push) memory[write_q] <= data_i;
  end

  if (Style == "distributed") begin : gen_ahead_none
    assign valid_o = count_q != '0;
    assign data_o = memory[read_q];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) read_q <= '0;
      else if (pop) read_q <= read_q + 1'b1;
    end
  end else begin : gen_ahead_one
    // The RAM's output register is the head of the queue; a word that is in the RAM moves there
    // as soon as it can.
    logic head_q, fetch;
    assign fetch = (!head_q || ready_i) && (count_q != CountW'(head_q));
    assign valid_o = head_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        read_q <= '0;
        head_q <= 1'b0;
      end else begin
        if (fetch) read_q <= read_q + 1'b1;
        head_q <= fetch || (head_q && !ready_i);
      end
    end
    always_ff @(posedge clk_i) begin
      if (fetch) data_o <= memory[read_q];
    end
  end
endmodule
