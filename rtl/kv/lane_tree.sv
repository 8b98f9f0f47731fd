// One result of all lanes: their sum, or the largest by value (NaN is passed over) or by magnitude
// (NaN is above all). One row a cycle; the result comes log2(Lanes) cycles later.
module lane_tree #(
  parameter int unsigned Lanes = 4,            // a power of two
  parameter int unsigned Width = 32,           // of the result
  parameter int unsigned Op = kv_pkg::TreeSum, // the others take binary32
  // Of a sum: what lanes have is in these bits, and above them their sign if there is one.
  parameter int unsigned LaneW = Width,
  parameter bit IsSigned = 1'b0
) (
  input  logic                   clk_i,
  input  logic [Width*Lanes-1:0] value_i,  // [lane]
  output logic [Width-1:0]       result_o
);
  localparam int unsigned Levels = $clog2(Lanes);
  if (2 ** Levels != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two");
  end

  // Lanes, then half as many nodes, and so on.
  logic [Width*(2*Lanes-1)-1:0] node;
  assign node[Width*Lanes-1:0] = value_i;
  for (genvar i = 0; i < Lanes - 1; i++) begin : gen_node
    logic [Width-1:0] a, b, both, both_q;
    assign {b, a} = node[2*Width*i +: 2*Width];
    if (Op == kv_pkg::TreeSum) begin : gen_sum
      // A bit more for each doubling.
      localparam int unsigned FullW = LaneW + Levels + 1 - $clog2(Lanes - i);
      localparam int unsigned SumW  = FullW < Width ? FullW : Width;
      logic [SumW-1:0] sum;
      assign sum = a[SumW-1:0] + b[SumW-1:0];
      if (SumW == Width) begin : gen_whole
        assign both = sum;
      end else begin : gen_extend
        logic unused;
        assign unused = ^{a[Width-1:SumW], b[Width-1:SumW]};
        assign both = {{(Width-SumW){IsSigned && sum[SumW-1]}}, sum};
      end
    end else if (Op == kv_pkg::TreeLargest) begin : gen_value
      fp_larger u_larger (.a_i(a), .b_i(b), .larger_o(both));
    end else begin : gen_magnitude
      logic unused_signs;
      assign unused_signs = ^{a[31], b[31]};
      assign both[31] = 1'b0;
      fp_larger_magnitude u_larger (.a_i(a[30:0]), .b_i(b[30:0]), .larger_o(both[30:0]));
    end
    always_ff @(posedge clk_i) both_q <= both;
    assign node[Width*(Lanes+i) +: Width] = both_q;
  end
  if (Lanes == 1) begin : gen_no_node
    logic unused_clk;
    assign unused_clk = clk_i;
  end
  assign result_o = node[Width*(2*Lanes-2) +: Width];
endmodule
