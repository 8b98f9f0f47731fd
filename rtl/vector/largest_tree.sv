// The largest of the lanes' magnitudes, by bits: NaN is above infinity. One row a cycle; the result
// comes log2(Lanes) cycles later.
module largest_tree #(
  parameter int unsigned Lanes = 4  // a power of two, at least 2
) (
  input  logic                clk_i,
  input  logic [32*Lanes-1:0] value_i,
  output logic [30:0]         largest_o
);
  localparam int unsigned Levels = $clog2(Lanes);
  if (Lanes < 2 || 2 ** Levels != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two, at least 2");
  end

  // Nodes of a heap: node i has children 2 i and 2 i + 1, lanes are the nodes from Lanes on.
  logic [31*2*Lanes-1:0] node;
  logic                  unused_signs;
  for (genvar i = 0; i < Lanes; i++) begin : gen_leaf
    assign node[31*(Lanes+i) +: 31] = value_i[32*i +: 31];
  end
  for (genvar i = 1; i < Lanes; i++) begin : gen_node
    logic [30:0] larger, larger_q;
    fp_larger_magnitude u_larger (
      .a_i(node[31*2*i +: 31]), .b_i(node[31*(2*i+1) +: 31]), .larger_o(larger)
    );
    always_ff @(posedge clk_i) larger_q <= larger;
    assign node[31*i +: 31] = larger_q;
  end
  assign node[30:0]   = '0;
  assign largest_o    = node[31 +: 31];
  assign unused_signs = ^{value_i, node[30:0]};
endmodule
